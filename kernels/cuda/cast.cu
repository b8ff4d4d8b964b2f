#include "kernels/cast.h"

#include "kernels/convert.h"
#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class To>
struct Convert {
  template <class From>
  __device__ To operator()(From x) const {
    return convert<To>(x);
  }
};

template <class From>
void cast_from(const Tensor& x, Tensor& y) {
  visit_any(y.dtype(),
            [&]<class To>() { map(x.device(), x.numel(), Convert<To>(), y.mutable_data<To>(), x.data<From>()); });
}

}  // namespace

void cast(const Tensor& x, Tensor& y) {
  visit_any(x.dtype(), [&]<class From>() { cast_from<From>(x, y); });
}

}  // namespace divvy::kernels::cuda
