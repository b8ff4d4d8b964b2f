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

Dispatch Dispatch::dense_with_choice(const Tensor& chosen, int64_t experts) {
  if (chosen.shape().rank() != 2 || chosen.dtype() != DType::i64) {
    fail<ShapeError>("dispatch: the chosen experts must be i64 [samples, k], got {} {}", chosen.dtype(),
                     chosen.shape());
  }
  const int64_t samples = chosen.size(0), k = chosen.size(1);
  Dispatch result = dense(samples, experts);
  result.position = Tensor::empty({samples, k}, DType::i64);
  auto* position = result.position.mutable_data<int64_t>();
  const auto expert = chosen.values<int64_t>();
  for (int64_t i = 0; i < samples * k; ++i) {
    const int64_t e = expert[static_cast<size_t>(i)];
    if (e < -1 || e >= experts) fail<ValueError>("dispatch: expert {} of {} for sample {}", e, experts, i / k);
    position[i] = e < 0 ? -1 : e * samples + i / k;
  }
  return result;
}

}  // namespace divvy::moe
