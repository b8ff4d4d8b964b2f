#include "moe/model/dispatch.h"

#include "kernels/counting_sort.h"
#include "kernels/dispatch.h"
#include "tensor/error.h"

namespace divvy::moe {

Dispatch Dispatch::dense(int64_t samples, int64_t experts, Device device) {
  if (samples < 0 || experts < 1) fail<ValueError>("dispatch: {} samples, {} experts", samples, experts);
  Dispatch result{
      samples,
      {Tensor::empty({experts + 1}, DType::i64, device), Tensor::empty({experts * samples}, DType::i64, device)},
      Tensor::empty({samples, experts}, DType::i64, device)};
  kernels::dense_dispatch(result.segments.offsets, result.segments.sample, result.position);
  return result;
}

Dispatch Dispatch::of(const Tensor& chosen, int64_t experts, bool complete, const Tensor& counts) {
  auto sorted = kernels::counting_sort(chosen, experts, complete, counts);
  return {chosen.size(0), {std::move(sorted.offsets), std::move(sorted.sample)}, std::move(sorted.position)};
}

Dispatch Dispatch::dense_with_choice(const Tensor& chosen, int64_t experts) {
  if (chosen.shape().rank() != 2 || chosen.dtype() != DType::i64) {
    fail<ShapeError>("dispatch: the chosen experts must be i64 [samples, k], got {} {}", chosen.dtype(),
                     chosen.shape());
  }
  Dispatch result = dense(chosen.size(0), experts, chosen.device());
  result.position = Tensor::empty_like(chosen);
  kernels::dense_positions(chosen, experts, result.position);
  return result;
}

}  // namespace divvy::moe
