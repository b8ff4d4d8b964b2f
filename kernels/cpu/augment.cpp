#include "kernels/augment.h"

#include <algorithm>

#include "kernels/border.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// Calls f.operator()<T>() with the type of the pixels.
template <class F>
void visit_pixels(const Tensor& x, const F& f) {
  if (x.dtype() == DType::u8) {
    f.template operator()<uint8_t>();
  } else {
    f.template operator()<float>();
  }
}

/// Calls f(b) for the images, in tiles of about 16k pixels.
template <class F>
void for_images(const Tensor& x, const F& f) {
  if (x.numel() == 0) return;
  const int64_t pixels = x.numel() / x.size(0);
  parallel_tiles(x.size(0), std::max<int64_t>(1, 16384 / pixels), [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) f(b);
  });
}

/// to[j] = from[first + j], or what the padding puts there. Not called for a row that is padding itself.
template <class T>
void crop_row(const T* from, int64_t first, int64_t width, Padding mode, T* to) {
  const int64_t begin = std::clamp<int64_t>(-first, 0, width), end = std::clamp<int64_t>(width - first, begin, width);
  const auto outside = [&](int64_t j) { return mode == Padding::zero ? T(0) : from[reflected(first + j, width)]; };
  for (int64_t j = 0; j < begin; ++j) to[j] = outside(j);
  std::copy(from + first + begin, from + first + end, to + begin);
  for (int64_t j = end; j < width; ++j) to[j] = outside(j);
}

}  // namespace

void flip_horizontal(const Tensor& x, const Tensor& flip, Tensor& y) {
  visit_pixels(x, [&]<class T>() {
    const T* in = x.data<T>();
    const uint8_t* flips = flip.data<uint8_t>();
    T* out = y.mutable_data<T>();
    const int64_t width = x.size(3), rows = x.size(1) * x.size(2);
    for_images(x, [&](int64_t b) {
      const T* from = in + b * rows * width;
      T* to = out + b * rows * width;
      if (flips[b] == 0) {
        std::copy(from, from + rows * width, to);
        return;
      }
      for (int64_t r = 0; r < rows; ++r) std::reverse_copy(from + r * width, from + (r + 1) * width, to + r * width);
    });
  });
}

void crop(const Tensor& x, const Tensor& top, const Tensor& left, int64_t padding, Padding mode, Tensor& y) {
  visit_pixels(x, [&]<class T>() {
    const T* in = x.data<T>();
    const int64_t *tops = top.data<int64_t>(), *lefts = left.data<int64_t>();
    T* out = y.mutable_data<T>();
    const int64_t channels = x.size(1), height = x.size(2), width = x.size(3);
    for_images(x, [&](int64_t b) {
      const int64_t down = tops[b] - padding, right = lefts[b] - padding;
      for (int64_t c = 0; c < channels; ++c) {
        const T* plane = in + (b * channels + c) * height * width;
        T* to = out + (b * channels + c) * height * width;
        for (int64_t i = 0; i < height; ++i, to += width) {
          const int64_t row = i + down;
          const bool inside = row >= 0 && row < height;
          if (!inside && mode == Padding::zero) {
            std::fill(to, to + width, T(0));
          } else {
            crop_row(plane + reflected(row, height) * width, right, width, mode, to);
          }
        }
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
