#include "kernels/counting_sort.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool complete) {
  if (num_experts < 1) fail<ValueError>("counting_sort: needs at least one expert, got {}", num_experts);
  check::rank("counting_sort", "experts", experts, 2);
  if (complete) {
    check::indices("counting_sort", "experts", experts, num_experts);
  } else {
    check::indices_or_none("counting_sort", "experts", experts, num_experts);
  }
  return DIVVY_BACKEND(experts, counting_sort)(experts, num_experts, complete);
}

}  // namespace divvy::kernels
