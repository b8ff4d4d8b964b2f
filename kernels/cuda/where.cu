#include "kernels/where.h"

#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

struct Choose {
  template <class T>
  __device__ T operator()(uint8_t condition, T a, T b) const {
    return condition != 0 ? a : b;
  }
};

/// Elements of T's size, whatever they mean.
template <class T>
void choose(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y) {
  broadcast_map(a.device(), y.shape(), Choose(), reinterpret_cast<T*>(y.mutable_bytes()),
                Operand<uint8_t>{condition.data<uint8_t>(), condition.shape()},
                Operand<T>{reinterpret_cast<const T*>(a.bytes()), a.shape()},
                Operand<T>{reinterpret_cast<const T*>(b.bytes()), b.shape()});
}

}  // namespace

void where(const Tensor& condition, const Tensor& a, const Tensor& b, Tensor& y) {
  switch (size_of(a.dtype())) {
    case 1: return choose<uint8_t>(condition, a, b, y);
    case 2: return choose<uint16_t>(condition, a, b, y);
    case 4: return choose<uint32_t>(condition, a, b, y);
    default: return choose<uint64_t>(condition, a, b, y);
  }
}

}  // namespace divvy::kernels::cuda
