#include "kernels/unary.h"

#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/math.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class F>
struct Value {
  template <class T>
  __device__ T operator()(T x) const {
    return F::template value<Math>(x);
  }
};

template <class F>
struct Derivative {
  template <class T>
  __device__ T operator()(T dy, T x, T y) const {
    return dy * F::template derivative<Math>(x, y);
  }
};

}  // namespace

void unary(const Unary& op, const Tensor& x, Tensor& y) {
  visit_floating(op.name, x.dtype(), [&]<class T>() {
    elementwise::UnaryList::visit(
        op.index, [&]<class F>() { map(x.device(), x.numel(), Value<F>(), y.mutable_data<T>(), x.data<T>()); });
  });
}

void unary_backward(const Unary& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  visit_floating(op.name, dy.dtype(), [&]<class T>() {
    elementwise::UnaryList::visit(op.index, [&]<class F>() {
      map(dy.device(), dy.numel(), Derivative<F>(), dx.mutable_data<T>(), dy.data<T>(), x.data<T>(), y.data<T>());
    });
  });
}

}  // namespace divvy::kernels::cuda
