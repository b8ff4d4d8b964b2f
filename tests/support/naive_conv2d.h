#pragma once

#include "kernels/conv2d.h"
#include "tensor/tensor.h"

namespace divvy::test {

/// Calls visit(y index, x index, weight index) for every product of a convolution, in the order of the outputs. Taps in
/// the zero padding are left out. weight: [E, O, C / groups, kh, kw] or without E.
template <class Visit>
void for_products(const Shape& x, const Shape& weight, const Shape& y, const Conv2dGeometry& g,
                  const Segments& segments, const Visit& visit) {
  const int64_t group_channels = weight[-3], group_filters = y[1] / g.groups;
  for (int64_t n = 0; n < y[0]; ++n) {
    const int64_t image = segments.sample.defined() ? segments.sample.values<int64_t>()[static_cast<size_t>(n)] : n;
    int64_t expert = 0;
    if (segments.grouped()) {
      while (segments.offsets.values<int64_t>()[static_cast<size_t>(expert) + 1] <= n) ++expert;
    }
    for (int64_t o = 0; o < y[1]; ++o) {
      for (int64_t i = 0; i < y[2]; ++i) {
        for (int64_t j = 0; j < y[3]; ++j) {
          for (int64_t c = 0; c < group_channels; ++c) {
            for (int64_t u = 0; u < weight[-2]; ++u) {
              for (int64_t v = 0; v < weight[-1]; ++v) {
                const int64_t row = i * g.stride + u - g.padding, column = j * g.stride + v - g.padding;
                if (row < 0 || row >= x[2] || column < 0 || column >= x[3]) continue;
                const int64_t channel = o / group_filters * group_channels + c;
                visit(((n * y[1] + o) * y[2] + i) * y[3] + j, ((image * x[1] + channel) * x[2] + row) * x[3] + column,
                      (((expert * y[1] + o) * group_channels + c) * weight[-2] + u) * weight[-1] + v);
              }
            }
          }
        }
      }
    }
  }
}

/// Calls visit(y index, bias index) for every output.
template <class Visit>
void for_outputs(const Shape& y, const Segments& segments, const Visit& visit) {
  const int64_t plane = y[2] * y[3];
  for (int64_t n = 0; n < y[0]; ++n) {
    int64_t expert = 0;
    if (segments.grouped()) {
      while (segments.offsets.values<int64_t>()[static_cast<size_t>(expert) + 1] <= n) ++expert;
    }
    for (int64_t o = 0; o < y[1]; ++o) {
      for (int64_t p = 0; p < plane; ++p) visit((n * y[1] + o) * plane + p, expert * y[1] + o);
    }
  }
}

}  // namespace divvy::test
