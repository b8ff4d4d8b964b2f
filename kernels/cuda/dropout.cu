#include "kernels/dropout.h"

#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Keep {
  T scale;
  __device__ T operator()(T x, uint8_t keep) const { return keep != 0 ? x * scale : T(0); }
};

}  // namespace

void dropout(const Tensor& x, const Tensor& keep, double scale, Tensor& y) {
  visit_floating("dropout", x.dtype(), [&]<class T>() {
    map(x.device(), x.numel(), Keep<T>{static_cast<T>(scale)}, y.mutable_data<T>(), x.data<T>(), keep.data<uint8_t>());
  });
}

}  // namespace divvy::kernels::cuda
