#pragma once

#include "kernels/counting_sort.h"
#include "tensor/cuda/fault.h"

namespace divvy::kernels::cuda {

/// What an assignment outside [least, E) does: it raises `fault`, and counts as none.
struct Refused {
  divvy::cuda::Fault fault;
  int64_t least;  ///< -1 where -1 for none is allowed, otherwise 0
};

/// counting_sort() without waiting for the number of rows: `sample` is [B k], and behind the offsets[E] rows of the
/// experts are the samples of the assignments that name none.
CountingSort sort_assignments(const Tensor& experts, int64_t num_experts, Refused refused, const Tensor& counts = {});

}  // namespace divvy::kernels::cuda
