#include "moe/dispatch.h"

#include "kernels/counting_sort.h"
#include "tensor/error.h"

namespace divvy::moe {

Dispatch Dispatch::dense(int64_t samples, int64_t experts) {
  if (samples < 0 || experts < 1) fail<ValueError>("dispatch: {} samples, {} experts", samples, experts);
  Dispatch result{samples,
                  {Tensor::empty({experts + 1}, DType::i64), Tensor::empty({experts * samples}, DType::i64)},
                  Tensor::empty({samples, experts}, DType::i64)};
  auto* offsets = result.segments.offsets.mutable_data<int64_t>();
  auto* sample = result.segments.sample.mutable_data<int64_t>();
  auto* position = result.position.mutable_data<int64_t>();
  for (int64_t e = 0; e <= experts; ++e) offsets[e] = e * samples;
  for (int64_t e = 0; e < experts; ++e) {
    for (int64_t b = 0; b < samples; ++b) sample[e * samples + b] = b;
  }
  for (int64_t b = 0; b < samples; ++b) {
    for (int64_t e = 0; e < experts; ++e) position[b * experts + e] = e * samples + b;
  }
  return result;
}

Dispatch Dispatch::of(const Tensor& chosen, int64_t experts) {
  auto sorted = kernels::counting_sort(chosen, experts);
  return {chosen.size(0), {std::move(sorted.offsets), std::move(sorted.sample)}, std::move(sorted.position)};
}

}  // namespace divvy::moe
