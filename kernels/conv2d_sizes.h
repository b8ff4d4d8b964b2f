#pragma once

#include <utility>

#include "kernels/conv2d.h"
#include "tensor/anywhere.h"

namespace divvy::kernels {

/// The sizes of a convolution of x [., C, H, W] with weight [.., O, C / groups, kh, kw] to y [., O, H', W'].
struct ConvSizes {
  ConvSizes(const Shape& x, const Shape& weight, const Shape& y, const Conv2dGeometry& g)
      : experts(weight.rank() == 5 ? weight[0] : 1),
        channels(x[1]),
        height(x[2]),
        width(x[3]),
        filters(y[1]),
        out_height(y[2]),
        out_width(y[3]),
        kernel_height(weight[-2]),
        kernel_width(weight[-1]),
        stride(g.stride),
        padding(g.padding),
        groups(g.groups) {}

  int64_t experts;
  int64_t channels, height, width;
  int64_t filters, out_height, out_width;
  int64_t kernel_height, kernel_width, stride, padding, groups;

  DIVVY_ANYWHERE int64_t group_channels() const { return channels / groups; }
  DIVVY_ANYWHERE int64_t group_filters() const { return filters / groups; }
  DIVVY_ANYWHERE int64_t plane() const { return height * width; }
  DIVVY_ANYWHERE int64_t image() const { return channels * plane(); }          ///< elements of an input image
  DIVVY_ANYWHERE int64_t out_plane() const { return out_height * out_width; }  ///< elements of a channel of the output
  DIVVY_ANYWHERE int64_t out_image() const { return filters * out_plane(); }   ///< elements of an output image
  DIVVY_ANYWHERE int64_t kernel() const { return kernel_height * kernel_width; }
  DIVVY_ANYWHERE int64_t taps() const { return group_channels() * kernel(); }  ///< inputs of an output
  DIVVY_ANYWHERE int64_t weights() const { return filters * taps(); }          ///< of an expert
  DIVVY_ANYWHERE int64_t products() const { return weights() * out_plane(); }  ///< multiplications for an image
  int64_t padded_height() const { return height + 2 * padding; }
  int64_t padded_width() const { return width + 2 * padding; }
  int64_t padded_plane() const { return padded_height() * padded_width(); }

  /// The sizes of the convolution of gradients of y, with turned filters, that gives the gradient of x. For a stride
  /// of 1.
  ConvSizes reversed() const {
    ConvSizes s = *this;
    std::swap(s.channels, s.filters);
    std::swap(s.height, s.out_height), std::swap(s.width, s.out_width);
    s.padding = kernel_height - 1 - padding;
    return s;
  }
};

}  // namespace divvy::kernels
