#pragma once

#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// The grouped product and its gradients in plain f64 loops: a reference independent of the kernels.
struct NaiveGroupedMatmul {
  std::vector<int64_t> offsets;  ///< [E + 1]
  std::vector<int64_t> sample;   ///< [N]; row i is read from row sample[i] of x

  /// Calls f(e, i, r) for each row i of each expert e, read from row r of x.
  template <class F>
  void for_rows(const F& f) const {
    for (size_t e = 0; e + 1 < offsets.size(); ++e) {
      for (int64_t i = offsets[e]; i < offsets[e + 1]; ++i) {
        f(static_cast<int64_t>(e), i, sample.empty() ? i : sample[static_cast<size_t>(i)]);
      }
    }
  }

  /// x [R, I], weight [E, O, I], bias [E, O] or undefined -> [N, O].
  Tensor forward(const Tensor& x, const Tensor& weight, const Tensor& bias) const {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    Tensor y = Tensor::zeros({offsets.back(), outputs}, DType::f64);
    const double *in = x.data<double>(), *w = weight.data<double>(), *b = bias ? bias.data<double>() : nullptr;
    double* out = y.mutable_data<double>();
    for_rows([&](int64_t e, int64_t i, int64_t r) {
      for (int64_t o = 0; o < outputs; ++o) {
        double sum = b ? b[e * outputs + o] : 0;
        for (int64_t j = 0; j < inputs; ++j) sum += in[r * inputs + j] * w[(e * outputs + o) * inputs + j];
        out[i * outputs + o] = sum;
      }
    });
    return y;
  }

  /// dx [rows, I], dweight [E, O, I] and dbias [E, O].
  struct Gradients {
    Tensor dx, dweight, dbias;
  };
  Gradients backward(const Tensor& x, const Tensor& weight, const Tensor& dy) const {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    Gradients result{Tensor::zeros_like(x), Tensor::zeros_like(weight),
                     Tensor::zeros({weight.size(0), outputs}, DType::f64)};
    const double *in = x.data<double>(), *w = weight.data<double>(), *up = dy.data<double>();
    double *dx = result.dx.mutable_data<double>(), *dw = result.dweight.mutable_data<double>(),
           *db = result.dbias.mutable_data<double>();
    for_rows([&](int64_t e, int64_t i, int64_t r) {
      for (int64_t o = 0; o < outputs; ++o) {
        const double u = up[i * outputs + o];
        db[e * outputs + o] += u;
        for (int64_t j = 0; j < inputs; ++j) {
          dx[r * inputs + j] += u * w[(e * outputs + o) * inputs + j];
          dw[(e * outputs + o) * inputs + j] += u * in[r * inputs + j];
        }
      }
    });
    return result;
  }
};

}  // namespace divvy::test
