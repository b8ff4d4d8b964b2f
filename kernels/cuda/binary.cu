#include "kernels/binary.h"

#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class F>
struct Value {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return F::value(a, b);
  }
};

template <class F, int by>
struct Derivative {
  template <class T>
  __device__ T operator()(T dy, T a, T b) const {
    return dy * (by == 0 ? F::by_a(a, b) : F::by_b(a, b));
  }
};

}  // namespace

void binary(const Binary& op, const Tensor& a, const Tensor& b, Tensor& y) {
  visit_floating(op.name, a.dtype(), [&]<class T>() {
    elementwise::BinaryList::visit(op.index, [&]<class F>() {
      broadcast_map(a.device(), y.shape(), Value<F>(), y.mutable_data<T>(), Operand<T>{a.data<T>(), a.shape()},
                    Operand<T>{b.data<T>(), b.shape()});
    });
  });
}

void binary_backward(const Binary& op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  visit_floating(op.name, dy.dtype(), [&]<class T>() {
    const auto run = [&](const auto& derivative) {
      broadcast_map(dy.device(), dy.shape(), derivative, d.mutable_data<T>(), Operand<T>{dy.data<T>(), dy.shape()},
                    Operand<T>{a.data<T>(), a.shape()}, Operand<T>{b.data<T>(), b.shape()});
    };
    elementwise::BinaryList::visit(op.index,
                                   [&]<class F>() { by == 0 ? run(Derivative<F, 0>()) : run(Derivative<F, 1>()); });
  });
}

}  // namespace divvy::kernels::cuda
