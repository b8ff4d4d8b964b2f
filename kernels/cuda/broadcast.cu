#include "kernels/broadcast.h"

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
  // Merged axes are kept or summed in turn. Those to sum are taken from the last to the first, each as the middle one
  // of three; none has size 1, so that the last result, and no other, has the size of y.
  const BroadcastPlan<1> plan(x.shape(), {y.shape()});
  Tensor current = x;
  int64_t inner = 1, left = x.numel();  // elements of the axes behind and up to the current one
  for (auto axis = static_cast<size_t>(plan.rank); axis-- > 0;) {
    const int64_t size = plan.sizes[axis];
    left /= size;
    if (plan.strides[0][axis] != 0) {
      inner *= size;
      continue;
    }
    Tensor sums = left * inner == y.numel() ? y : Tensor::empty({left, inner}, x.dtype(), x.device());
    reduce_sum(current.reshape({left, size, inner}), 1, sums);
    current = sums;
  }
}

}  // namespace divvy::kernels::cuda
