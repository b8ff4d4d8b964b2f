#include "kernels/broadcast.h"

#include "kernels/broadcast_sum.h"

#include "kernels/cuda/elementwise.cuh"
#include "kernels/reduce.h"

namespace divvy::kernels::cuda {

namespace {

struct Copy {
  template <class T>
  __device__ T operator()(T x) const {
    return x;
  }
};

/// Elements of T's size, whatever they mean.
template <class T>
void repeat(const Tensor& x, Tensor& y) {
  broadcast_map(x.device(), y.shape(), Copy(), reinterpret_cast<T*>(y.mutable_bytes()),
                Operand<T>{reinterpret_cast<const T*>(x.bytes()), x.shape()});
}

}  // namespace

void broadcast_to(const Tensor& x, Tensor& y) {
  switch (size_of(x.dtype())) {
    case 1: return repeat<uint8_t>(x, y);
    case 2: return repeat<uint16_t>(x, y);
    case 4: return repeat<uint32_t>(x, y);
    default: return repeat<uint64_t>(x, y);
  }
}

void sum_to(const Tensor& x, Tensor& y) {
  if (x.numel() == y.numel() && x.numel() > 0) {
    y.copy_from(x.reshape(y.shape()));
    return;
  }
  if (x.numel() == 0) {
    reduce_sum(x.reshape({1, 0, y.numel()}), 1, y);
    return;
  }
  sum_repeated_axes(x, y, [](const Tensor& from, Tensor& to) { reduce_sum(from, 1, to); });
}

}  // namespace divvy::kernels::cuda
