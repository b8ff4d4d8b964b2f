#include "kernels/binary.h"

#include "kernels/cpu/strided.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void binary(const Binary& op, const Tensor& a, const Tensor& b, Tensor& y) {
  visit_floating(op.name, a.dtype(), [&]<class T>() {
    const T *from_a = a.data<T>(), *from_b = b.data<T>();
    T* out = y.mutable_data<T>();
    elementwise::BinaryList::visit(op.index, [&]<class F>() {
      for_pairs<T>(y.shape(), from_a, a.shape(), from_b, b.shape(),
                   [=](int64_t i, T u, T v) { out[i] = F::value(u, v); });
    });
  });
}

void binary_backward(const Binary& op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  visit_floating(op.name, dy.dtype(), [&]<class T>() {
    const T *from_a = a.data<T>(), *from_b = b.data<T>(), *upstream = dy.data<T>();
    T* out = d.mutable_data<T>();
    const auto chain = [&](const auto& derivative) {
      for_pairs<T>(dy.shape(), from_a, a.shape(), from_b, b.shape(),
                   [=](int64_t i, T u, T v) { out[i] = upstream[i] * derivative(u, v); });
    };
    elementwise::BinaryList::visit(op.index, [&]<class F>() {
      by == 0 ? chain([](T u, T v) { return F::by_a(u, v); }) : chain([](T u, T v) { return F::by_b(u, v); });
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
