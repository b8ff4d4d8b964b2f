#pragma once

#include "kernels/small_stack.h"
#include "tensor/anywhere.h"

namespace divvy::kernels {

/// The sizes of a layer of a small stack, for samples [C, H, W] or [features] that it fits. A linear layer reads and
/// gives features of one row and column.
struct SmallLayerSizes {
  SmallLayerSizes() = default;
  SmallLayerSizes(const Shape& sample, const SmallLayer& layer)
      : kernel(layer.kernel), padding(layer.padding), relu(layer.relu), pool(layer.pool), out(layer.out) {
    in = convolution() ? sample[0] : sample.numel();
    if (!convolution()) return;
    in_rows = sample[1], in_cols = sample[2];
    rows = in_rows + 2 * padding - kernel + 1, cols = in_cols + 2 * padding - kernel + 1;
    out_rows = pool ? rows / 2 : rows, out_cols = pool ? cols / 2 : cols;
  }

  int64_t kernel = 0, padding = 0;  ///< kernel 0: a linear layer
  bool relu = false, pool = false;
  int64_t in = 0, in_rows = 1, in_cols = 1;  ///< channels and their size, without padding; or features
  int64_t out = 0, rows = 1, cols = 1;       ///< filters and the size of their results before pooling; or features
  int64_t out_rows = 1, out_cols = 1;        ///< and after pooling

  DIVVY_ANYWHERE bool convolution() const { return kernel > 0; }
  DIVVY_ANYWHERE int64_t taps() const { return kernel > 0 ? kernel * kernel : 1; }  ///< weights for each input channel
  DIVVY_ANYWHERE int64_t in_size() const { return in * in_rows * in_cols; }
  DIVVY_ANYWHERE int64_t out_size() const { return out * out_rows * out_cols; }
  DIVVY_ANYWHERE int64_t weights() const { return in * out * taps(); }
  int64_t products() const { return weights() * rows * cols; }  ///< multiplications for a sample

  Shape result() const { return convolution() ? Shape{out, out_rows, out_cols} : Shape{out}; }
  Shape weight_shape(int64_t experts) const {
    return convolution() ? Shape{experts, out, in, kernel, kernel} : Shape{experts, out, in};
  }
};

/// The sizes of all layers, which fit samples of this shape.
inline std::vector<SmallLayerSizes> small_layer_sizes(Shape sample, const std::vector<SmallLayer>& layers) {
  std::vector<SmallLayerSizes> all;
  for (const SmallLayer& layer : layers) {
    all.emplace_back(sample, layer);
    sample = all.back().result();
  }
  return all;
}

}  // namespace divvy::kernels
