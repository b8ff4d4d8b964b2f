#include "kernels/compare.h"

#include "kernels/convert.h"
#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class F>
struct Holds {
  template <class T>
  __device__ uint8_t operator()(T a, T b) const {
    return F::holds(a, b) ? 1 : 0;
  }
  __device__ uint8_t operator()(bf16 a, bf16 b) const {
    return F::holds(static_cast<float>(a), static_cast<float>(b)) ? 1 : 0;
  }
};

}  // namespace

void compare(const Comparison& op, const Tensor& a, const Tensor& b, Tensor& y) {
  visit_any(a.dtype(), [&]<class T>() {
    elementwise::ComparisonList::visit(op.index, [&]<class F>() {
      broadcast_map(a.device(), y.shape(), Holds<F>(), y.mutable_data<uint8_t>(), Operand<T>{a.data<T>(), a.shape()},
                    Operand<T>{b.data<T>(), b.shape()});
    });
  });
}

}  // namespace divvy::kernels::cuda
