#include "kernels/augment.h"

#include "kernels/border.h"
#include "kernels/cuda/elementwise.cuh"
#include "tensor/cuda/fault.h"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Flip {
  const T* x;
  const uint8_t* flip;
  int64_t image, width;  ///< in pixels, all channels counted
  T* y;
  __device__ void operator()(int64_t i) const {
    const int64_t row = quotient(i, width), column = i - row * width;
    y[i] = flip[quotient(i, image)] == 0 ? x[i] : x[row * width + width - 1 - column];
  }
};

template <class T>
struct Crop {
  const T* x;
  const int64_t *top, *left;
  int64_t channels, height, width, padding;
  bool reflect;
  divvy::cuda::Fault fault;
  T* y;
  __device__ void operator()(int64_t i) const {
    const int64_t line = quotient(i, width), plane = quotient(line, height), b = quotient(plane, channels);
    const int64_t down = top[b], right = left[b];
    if (down < 0 || down > 2 * padding || right < 0 || right > 2 * padding) {
      fault.raise();
      y[i] = T(0);
      return;
    }
    const int64_t row = line - plane * height + down - padding, column = i - line * width + right - padding;
    if (reflect) {
      y[i] = x[(plane * height + reflected(row, height)) * width + reflected(column, width)];
    } else {
      const bool inside = row >= 0 && row < height && column >= 0 && column < width;
      y[i] = inside ? x[(plane * height + row) * width + column] : T(0);
    }
  }
};

template <class T>
void flip_all(const Tensor& x, const Tensor& flip, Tensor& y) {
  const int64_t width = x.size(3), image = x.size(1) * x.size(2) * width;
  for_each(x.device(), x.numel(), Flip<T>{x.data<T>(), flip.data<uint8_t>(), image, width, y.mutable_data<T>()});
}

template <class T>
void crop_all(const Tensor& x, const Tensor& top, const Tensor& left, int64_t padding, Padding mode, Tensor& y) {
  const auto fault = divvy::cuda::fault(x.device().index, "crop: top or left is out of range");
  for_each(x.device(), x.numel(),
           Crop<T>{x.data<T>(), top.data<int64_t>(), left.data<int64_t>(), x.size(1), x.size(2), x.size(3), padding,
                   mode == Padding::reflect, fault, y.mutable_data<T>()});
}

}  // namespace

void flip_horizontal(const Tensor& x, const Tensor& flip, Tensor& y) {
  x.dtype() == DType::u8 ? flip_all<uint8_t>(x, flip, y) : flip_all<float>(x, flip, y);
}

void crop(const Tensor& x, const Tensor& top, const Tensor& left, int64_t padding, Padding mode, Tensor& y) {
  x.dtype() == DType::u8 ? crop_all<uint8_t>(x, top, left, padding, mode, y)
                         : crop_all<float>(x, top, left, padding, mode, y);
}

}  // namespace divvy::kernels::cuda
