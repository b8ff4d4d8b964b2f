#include "kernels/conv2d.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/conv2d/paths.h"
#include "kernels/cpu/expert_sums.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// Measured: up to so many filters times channels of a group, sums over the filter are faster than matrix products,
/// whose columns take as long to copy as to multiply. The gradient of the weights has shorter inner loops.
constexpr int64_t kDirectImages = 512, kDirectWeights = 32;

template <class T>
bool use_direct(const ConvSizes& s, int64_t most) {
  return direct::fits<T>(s) && s.group_filters() * s.group_channels() <= most;
}

/// Rows of a task, of at least half a million multiplications and of whole matrix products.
int64_t rows_per_task(const ConvSizes& s, Precision precision) {
  const int64_t product = winograd::fits(s, precision) ? winograd::images_per_block(s) : im2col::images_per_product(s);
  const int64_t rows = (int64_t{1} << 19) / std::max<int64_t>(1, s.products());
  return std::max<int64_t>(1, (rows + product - 1) / product) * product;
}

/// Rows of a task that gives partial sums of the gradient of the weights: so many that adding the partial sums up, a
/// pass over all weights for each task, is little work beside making them.
int64_t rows_per_sum(const ConvSizes& s, Precision precision) {
  const int64_t pixels = std::max<int64_t>(1, s.out_plane()), least = winograd::fits(s, precision) ? 2048 : 1024;
  return std::max(rows_per_task(s, precision), (least + pixels - 1) / pixels);
}

}  // namespace

void conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dGeometry& geometry,
            const Segments& segments, Tensor& y, Precision precision) {
  if (y.numel() == 0) return;
  visit_floating("conv2d", x.dtype(), [&]<class T>() {
    const ConvSizes s(x.shape(), weight.shape(), y.shape(), geometry);
    const ConvInput<T> in{x.data<T>(), samples_of(segments)};
    const T *weights = weight.data<T>(), *biases = bias.defined() ? bias.data<T>() : nullptr;
    T* out = y.mutable_data<T>();
    const auto panels = row_panels(segments, y.size(0), rows_per_task(s, precision));
    const Tensor filters = winograd::fits(s, precision) ? winograd::transformed<T>(weight, false) : Tensor();
    const T* transformed = filters.defined() ? filters.data<T>() : nullptr;
    parallel_for(static_cast<int64_t>(panels.size()), [&](int64_t i) {
      const RowPanel& panel = panels[static_cast<size_t>(i)];
      const T* w = weights + panel.expert * s.weights();
      const T* b = biases ? biases + panel.expert * s.filters : nullptr;
      if (transformed) {
        return winograd::forward(s, panel, in, transformed + panel.expert * filters.size(1) * filters.size(2), b, out);
      }
      use_direct<T>(s, kDirectImages) ? direct::forward(s, panel, in, w, b, out)
                                      : im2col::forward(s, panel, in, w, b, out, precision);
    });
  });
}

void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dGeometry& geometry,
                           const Segments& segments, Tensor& dx, Precision precision) {
  if (dx.numel() == 0) return;
  visit_floating("conv2d_backward_input", dy.dtype(), [&]<class T>() {
    const ConvSizes s(dx.shape(), weight.shape(), dy.shape(), geometry);
    const int64_t count = dy.size(0);
    const T *upstream = dy.data<T>(), *weights = weight.data<T>();
    T* rows = dx.mutable_data<T>();
    const bool by_winograd = winograd::fits(s, precision);
    const ConvSizes sizes = by_winograd ? s.reversed() : s;
    const auto panels = row_panels(segments, count, rows_per_task(sizes, precision));
    const Tensor filters = by_winograd ? winograd::transformed<T>(weight, true) : Tensor();
    const T* transformed = by_winograd ? filters.data<T>() : nullptr;
    parallel_for(static_cast<int64_t>(panels.size()), [&](int64_t i) {
      const RowPanel& panel = panels[static_cast<size_t>(i)];
      if (by_winograd) {
        const T* of_expert = transformed + panel.expert * filters.size(1) * filters.size(2);
        return winograd::forward<T>(sizes, panel, {upstream, nullptr}, of_expert, nullptr, rows);
      }
      const T* w = weights + panel.expert * s.weights();
      use_direct<T>(s, kDirectImages) ? direct::backward_input(s, panel, upstream, w, rows)
                                      : im2col::backward_input(s, panel, upstream, w, rows, precision);
    });
  });
}

void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                            const Conv2dGeometry& geometry, const Segments& segments, Tensor& dweight, Tensor& dbias,
                            Precision precision) {
  visit_floating("conv2d_backward_weight", x.dtype(), [&]<class T>() {
    const ConvSizes s(x.shape(), weight_shape, dy.shape(), geometry);
    const ConvInput<T> in{x.data<T>(), samples_of(segments)};
    const T* upstream = dy.data<T>();
    const auto panels = row_panels(segments, dy.size(0), rows_per_sum(s, precision));
    ExpertSums<T> sums(panels, s.experts);
    const size_t weights = sums.add(dweight), biases = sums.add(dbias);
    parallel_for(static_cast<int64_t>(panels.size()), [&](int64_t i) {
      const RowPanel& panel = panels[static_cast<size_t>(i)];
      T *to_weight = sums.of(weights, static_cast<size_t>(i)), *to_bias = sums.of(biases, static_cast<size_t>(i));
      if (winograd::fits(s, precision)) return winograd::backward_weight(s, panel, in, upstream, to_weight, to_bias);
      use_direct<T>(s, kDirectWeights) ? direct::backward_weight(s, panel, in, upstream, to_weight, to_bias)
                                       : im2col::backward_weight(s, panel, in, upstream, to_weight, to_bias, precision);
    });
    sums.add_up();
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
