#include "kernels/fill.h"

#include "kernels/convert.h"
#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Constant {
  T value;
  __device__ T operator()() const { return value; }
};

}  // namespace

void fill(Tensor& y, double value) {
  visit_any(y.dtype(),
            [&]<class T>() { map(y.device(), y.numel(), Constant<T>{convert<T>(value)}, y.mutable_data<T>()); });
}

}  // namespace divvy::kernels::cuda
