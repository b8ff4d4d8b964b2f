#pragma once

#include <vector>

#include "kernels/small_stack.h"

namespace divvy::test {

/// The definition of small_stack and its gradients, row by row in plain loops in double.
class NaiveSmallStack {
 public:
  using Parameters = kernels::SmallStackParameters;

  NaiveSmallStack(const Shape& x, std::vector<SmallLayer> layers) : x_(x), layers_(std::move(layers)) {
    shapes_.push_back(image(x.range(1)));
    for (const SmallLayer& layer : layers_) {
      const Shape& in = shapes_.back();
      if (layer.kernel == 0) {
        before_pool_.push_back({layer.out, 1, 1});
        shapes_.push_back(before_pool_.back());
        continue;
      }
      const int64_t shrink = layer.kernel - 1 - 2 * layer.padding, step = layer.pool ? 2 : 1;
      before_pool_.push_back({layer.out, in[1] - shrink, in[2] - shrink});
      shapes_.push_back({layer.out, before_pool_.back()[1] / step, before_pool_.back()[2] / step});
    }
  }

  Shape result(int64_t rows) const {
    const Shape& last = shapes_.back();
    return layers_.back().kernel == 0 ? Shape{rows, last[0]} : Shape{rows}.concat(last);
  }

  Shape weight(int64_t experts, size_t l) const {
    const Shape& in = shapes_[l];
    const SmallLayer& layer = layers_[l];
    if (layer.kernel == 0) return {experts, layer.out, in.numel()};
    return {experts, layer.out, in[0], layer.kernel, layer.kernel};
  }

  /// All tensors are f64 on the CPU. `offsets` are those of the experts; `sample` is empty if rows are the samples
  /// themselves.
  Tensor forward(const Tensor& x, const Parameters& p, const std::vector<int64_t>& offsets,
                 const std::vector<int64_t>& sample) const {
    Tensor y = Tensor::zeros(result(offsets.back()), DType::f64);
    auto out = y.mutable_values<double>();
    size_t at = 0;
    each_row(x, p, offsets, sample, [&](int64_t, int64_t, int64_t, const Row& row) {
      for (const double value : row.values.back()) out[at++] = value;
    });
    return y;
  }

  struct Result {
    Tensor dx;
    Parameters gradients;
  };
  Result backward(const Tensor& x, const Parameters& p, const std::vector<int64_t>& offsets,
                  const std::vector<int64_t>& sample, const Tensor& dy) const {
    Result result{Tensor::zeros(x_, DType::f64), {}};
    for (size_t l = 0; l < layers_.size(); ++l) {
      result.gradients.weights.push_back(Tensor::zeros_like(p.weights[l]));
      result.gradients.biases.push_back(p.biases[l] ? Tensor::zeros_like(p.biases[l]) : Tensor());
    }
    const int64_t cols = shapes_.back().numel();
    each_row(x, p, offsets, sample, [&](int64_t n, int64_t r, int64_t e, const Row& row) {
      const double* upstream = dy.data<double>() + n * cols;
      std::vector<double> gradient(upstream, upstream + cols);
      for (size_t l = layers_.size(); l-- > 0;) gradient = back(l, e, row, p, gradient, result.gradients);
      double* dx = result.dx.mutable_data<double>() + r * shapes_[0].numel();
      for (size_t i = 0; i < gradient.size(); ++i) dx[i] += gradient[i];
    });
    return result;
  }

 private:
  using Values = std::vector<double>;
  struct Row {
    std::vector<Values> values;  ///< the input, then the result of each layer
    std::vector<Values> sums;    ///< the sums of each layer before ReLU and pool
  };

  static Shape image(const Shape& sample) { return sample.rank() == 3 ? sample : Shape{sample.numel(), 1, 1}; }

  template <class F>
  void each_row(const Tensor& x, const Parameters& p, const std::vector<int64_t>& offsets,
                const std::vector<int64_t>& sample, const F& f) const {
    const int64_t size = shapes_[0].numel();
    for (size_t e = 0; e + 1 < offsets.size(); ++e) {
      for (int64_t n = offsets[e]; n < offsets[e + 1]; ++n) {
        const int64_t r = sample.empty() ? n : sample[static_cast<size_t>(n)];
        const double* from = x.data<double>() + r * size;
        Row row{{Values(from, from + size)}, {}};
        for (size_t l = 0; l < layers_.size(); ++l) layer_forward(l, static_cast<int64_t>(e), p, row);
        f(n, r, static_cast<int64_t>(e), row);
      }
    }
  }

  /// Calls f(result index, weight index, input index) for every product of layer l.
  template <class F>
  void products(size_t l, const F& f) const {
    const Shape &in = shapes_[l], &out = before_pool_[l];
    const SmallLayer& layer = layers_[l];
    if (layer.kernel == 0) {
      for (int64_t o = 0; o < layer.out; ++o) {
        for (int64_t i = 0; i < in.numel(); ++i) f(o, o * in.numel() + i, i);
      }
      return;
    }
    const int64_t k = layer.kernel;
    for (int64_t o = 0; o < out[0]; ++o)
      for (int64_t i = 0; i < out[1]; ++i)
        for (int64_t j = 0; j < out[2]; ++j)
          for (int64_t c = 0; c < in[0]; ++c)
            for (int64_t u = 0; u < k; ++u)
              for (int64_t v = 0; v < k; ++v) {
                const int64_t y = i + u - layer.padding, x = j + v - layer.padding;
                if (y < 0 || y >= in[1] || x < 0 || x >= in[2]) continue;
                f((o * out[1] + i) * out[2] + j, ((o * in[0] + c) * k + u) * k + v, (c * in[1] + y) * in[2] + x);
              }
  }

  void layer_forward(size_t l, int64_t e, const Parameters& p, Row& row) const {
    const SmallLayer& layer = layers_[l];
    const Shape &before = before_pool_[l], &after = shapes_[l + 1];
    const int64_t plane = before[1] * before[2];
    Values sums(static_cast<size_t>(before.numel()), 0.);
    for (size_t i = 0; p.biases[l] && i < sums.size(); ++i) {
      sums[i] = p.biases[l].data<double>()[e * layer.out + static_cast<int64_t>(i) / plane];
    }
    const double* w = p.weights[l].data<double>() + e * (p.weights[l].numel() / p.weights[l].size(0));
    const Values& in = row.values.back();
    products(l, [&](int64_t y, int64_t at, int64_t x) {
      sums[static_cast<size_t>(y)] += w[at] * in[static_cast<size_t>(x)];
    });
    Values active = sums;
    for (double& value : active) value = layer.relu && value < 0 ? 0 : value;
    Values result(static_cast<size_t>(after.numel()));
    for (size_t i = 0; i < result.size(); ++i) result[i] = active[largest(l, static_cast<int64_t>(i), active)];
    row.values.push_back(result);
    row.sums.push_back(sums);
  }

  /// The index of the value that becomes result i of layer l: the first maximum of its window.
  size_t largest(size_t l, int64_t i, const Values& active) const {
    if (!layers_[l].pool) return static_cast<size_t>(i);
    const Shape &before = before_pool_[l], &after = shapes_[l + 1];
    const int64_t channel = i / (after[1] * after[2]), row = i / after[2] % after[1], col = i % after[2];
    size_t best = 0;
    for (int64_t p = 0; p < 4; ++p) {
      const auto at = static_cast<size_t>((channel * before[1] + 2 * row + p / 2) * before[2] + 2 * col + p % 2);
      if (p == 0 || active[at] > active[best]) best = at;
    }
    return best;
  }

  Values back(size_t l, int64_t e, const Row& row, const Parameters& p, const Values& dy, Parameters& gradients) const {
    const SmallLayer& layer = layers_[l];
    const Values& sums = row.sums[l];
    Values active = sums, dsums(sums.size(), 0.);
    for (double& value : active) value = layer.relu && value < 0 ? 0 : value;
    for (size_t i = 0; i < dy.size(); ++i) dsums[largest(l, static_cast<int64_t>(i), active)] += dy[i];
    for (size_t i = 0; i < dsums.size(); ++i) {
      if (layer.relu && !(sums[i] > 0)) dsums[i] = 0;
    }
    const int64_t weights = p.weights[l].numel() / p.weights[l].size(0);
    const int64_t plane = before_pool_[l][1] * before_pool_[l][2];
    const double* w = p.weights[l].data<double>() + e * weights;
    double* dw = gradients.weights[l].mutable_data<double>() + e * weights;
    for (size_t i = 0; gradients.biases[l] && i < dsums.size(); ++i) {
      gradients.biases[l].mutable_data<double>()[e * layer.out + static_cast<int64_t>(i) / plane] += dsums[i];
    }
    const Values& in = row.values[l];
    Values dx(in.size(), 0.);
    products(l, [&](int64_t y, int64_t at, int64_t x) {
      const double gradient = dsums[static_cast<size_t>(y)];
      dw[at] += gradient * in[static_cast<size_t>(x)];
      dx[static_cast<size_t>(x)] += gradient * w[at];
    });
    return dx;
  }

  Shape x_;
  std::vector<SmallLayer> layers_;
  std::vector<Shape> shapes_, before_pool_;  ///< of the input and each result, and of each result before its pool
};

}  // namespace divvy::test
