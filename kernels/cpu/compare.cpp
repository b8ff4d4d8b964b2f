#include "kernels/compare.h"

#include "kernels/cpu/strided.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void compare(const Comparison& op, const Tensor& a, const Tensor& b, Tensor& y) {
  visit_any(a.dtype(), [&]<class T>() {
    using Value = std::conditional_t<std::is_same_v<T, bf16>, float, T>;
    const T *from_a = a.data<T>(), *from_b = b.data<T>();
    uint8_t* out = y.mutable_data<uint8_t>();
    elementwise::ComparisonList::visit(op.index, [&]<class F>() {
      for_pairs<T>(y.shape(), from_a, a.shape(), from_b, b.shape(), [=](int64_t i, T u, T v) {
        out[i] = F::holds(static_cast<Value>(u), static_cast<Value>(v)) ? 1 : 0;
      });
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
