#include "kernels/categorical.h"

#include "kernels/cuda/launch.cuh"
#include "tensor/cuda/fault.h"
#include "tensor/weighted_pick.h"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Pick {
  const T* p;
  const double* u;
  int64_t count;
  int64_t* picked;
  divvy::cuda::Fault fault;
  __device__ void operator()(int64_t r) const {
    const int64_t c = weighted_pick(p + r * count, count, u[r]);
    if (c < 0) fault.raise();
    picked[r] = c < 0 ? 0 : c;
  }
};

}  // namespace

void categorical(const Tensor& probabilities, const Tensor& u, Tensor& classes) {
  const auto fault = divvy::cuda::fault(classes.device().index, "categorical: a row is no distribution");
  visit_floating("categorical", probabilities.dtype(), [&]<class T>() {
    for_each(classes.device(), classes.numel(),
             Pick<T>{probabilities.data<T>(), u.data<double>(), probabilities.size(1), classes.mutable_data<int64_t>(),
                     fault});
  });
}

}  // namespace divvy::kernels::cuda
