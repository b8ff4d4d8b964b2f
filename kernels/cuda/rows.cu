#include "kernels/rows.h"

#include <algorithm>

#include "kernels/cuda/add_rows.cuh"
#include "kernels/cuda/gather.cuh"

namespace divvy::kernels::cuda {

void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  if (y.numel() == 0) return;
  const auto fault = divvy::cuda::fault(x.device().index, "gather_rows: an index is out of range");
  select_rows(x, 1, x.size(0), y.nbytes() / index.numel(), index, y, fault);
}

void scatter_add_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  if (y.numel() == 0) return;
  const auto fault = divvy::cuda::fault(x.device().index, "scatter_add_rows: an index is out of range");
  add_rows(x, 1, index, y.size(0), fault, y);
}

}  // namespace divvy::kernels::cuda
