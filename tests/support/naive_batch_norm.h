#pragma once

#include <cmath>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// Batch normalization in plain f64 loops, directly from its definition: a reference independent of the kernels.
struct NaiveBatchNorm {
  std::vector<int64_t> offsets;  ///< [E + 1]
  bool training = true;
  double momentum = 0.1, eps = 1e-5;

  struct Result {
    Tensor y, running_mean, running_var;
  };

  /// x [N, C] or [N, C, H, W]; gamma, beta and the running statistics [E, C] or, for one expert, [C].
  Result operator()(const Tensor& x, const Tensor& gamma, const Tensor& beta, const Tensor& running_mean,
                    const Tensor& running_var) const {
    const int64_t channels = x.size(1), spatial = x.rank() == 4 ? x.size(2) * x.size(3) : 1;
    Result result{Tensor::zeros_like(x), running_mean.clone(), running_var.clone()};
    const double *in = x.data<double>(), *g = gamma.data<double>(), *b = beta.data<double>();
    double *out = result.y.mutable_data<double>(), *rm = result.running_mean.mutable_data<double>(),
           *rv = result.running_var.mutable_data<double>();
    for (int64_t e = 0; e + 1 < static_cast<int64_t>(offsets.size()); ++e) {
      const int64_t first = offsets[static_cast<size_t>(e)], last = offsets[static_cast<size_t>(e) + 1];
      for (int64_t c = 0; c < channels; ++c) {
        const int64_t p = e * channels + c;
        const auto for_values = [&](const auto& f) {
          for (int64_t n = first; n < last; ++n) {
            for (int64_t s = 0; s < spatial; ++s) f((n * channels + c) * spatial + s);
          }
        };
        double mean = rm[p], var = rv[p];
        const auto count = static_cast<double>((last - first) * spatial);
        if (training && count > 1) {
          mean = 0, var = 0;
          for_values([&](int64_t i) { mean += in[i] / count; });
          for_values([&](int64_t i) { var += (in[i] - mean) * (in[i] - mean) / count; });
          rm[p] += momentum * (mean - rm[p]);
          rv[p] += momentum * (var * count / (count - 1) - rv[p]);
        }
        for_values([&](int64_t i) { out[i] = g[p] * (in[i] - mean) / std::sqrt(var + eps) + b[p]; });
      }
    }
    return result;
  }
};

}  // namespace divvy::test
