#include "kernels/pick.h"

#include "kernels/cuda/gather.cuh"

namespace divvy::kernels::cuda {

void pick(const Tensor& x, const Tensor& index, Tensor& y) {
  const auto fault = divvy::cuda::fault(x.device().index, "pick: an index is out of range");
  visit_floating("pick", x.dtype(), [&]<class T>() {
    for_rows(x.device(), y.numel(), 1,
             SelectLast<T>{x.data<T>(), index.data<int64_t>(), y.mutable_data<T>(), x.shape().cols(), 1, 1, fault});
  });
}

void pick_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  const auto fault = divvy::cuda::fault(dy.device().index, "pick_backward: an index is out of range");
  visit_floating("pick_backward", dy.dtype(), [&]<class T>() { add_last<T>(dy, index, 1, 1, fault, dx); });
}

}  // namespace divvy::kernels::cuda
