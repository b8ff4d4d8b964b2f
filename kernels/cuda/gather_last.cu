#include "kernels/gather_last.h"

#include "kernels/cuda/gather.cuh"

namespace divvy::kernels::cuda {

void gather_last(const Tensor& x, const Tensor& index, Tensor& y) {
  const auto fault = divvy::cuda::fault(x.device().index, "gather_last: an index is out of range");
  visit_floating("gather_last", x.dtype(), [&]<class T>() {
    const int64_t cols = x.shape().cols(), k = index.shape().cols();
    for_rows(x.device(), index.shape().rows(), k,
             SelectLast<T>{x.data<T>(), index.data<int64_t>(), y.mutable_data<T>(), cols, k, k, fault});
  });
}

void gather_last_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  const auto fault = divvy::cuda::fault(dy.device().index, "gather_last_backward: an index is out of range");
  const int64_t k = index.shape().cols();
  visit_floating("gather_last_backward", dy.dtype(), [&]<class T>() { add_last<T>(dy, index, k, k, fault, dx); });
}

}  // namespace divvy::kernels::cuda
