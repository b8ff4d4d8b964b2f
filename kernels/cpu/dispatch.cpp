#include "kernels/dispatch.h"

#include <algorithm>

#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void dense_dispatch(Tensor& offsets, Tensor& sample, Tensor& position) {
  const int64_t samples = position.size(0), experts = position.size(1);
  auto* offset = offsets.mutable_data<int64_t>();
  auto* of_row = sample.mutable_data<int64_t>();
  auto* row = position.mutable_data<int64_t>();
  for (int64_t e = 0; e <= experts; ++e) offset[e] = e * samples;
  for (int64_t e = 0; e < experts; ++e) {
    for (int64_t b = 0; b < samples; ++b) of_row[e * samples + b] = b;
  }
  for (int64_t b = 0; b < samples; ++b) {
    for (int64_t e = 0; e < experts; ++e) row[b * experts + e] = e * samples + b;
  }
}

void dense_positions(const Tensor& experts, int64_t /*num_experts*/, Tensor& position) {
  const int64_t samples = experts.size(0), k = experts.size(1);
  const auto* expert = experts.data<int64_t>();
  auto* row = position.mutable_data<int64_t>();
  for (int64_t i = 0; i < samples * k; ++i) row[i] = expert[i] < 0 ? -1 : expert[i] * samples + i / k;
}

void every_expert(Tensor& experts) {
  const int64_t count = experts.size(1);
  auto* expert = experts.mutable_data<int64_t>();
  for (int64_t i = 0; i < experts.numel(); ++i) expert[i] = i % count;
}

void chosen_mask(const Tensor& experts, Tensor& mask) {
  const int64_t k = experts.size(1), count = mask.size(1);
  const auto* expert = experts.data<int64_t>();
  auto* flag = mask.mutable_data<uint8_t>();
  std::fill_n(flag, mask.numel(), uint8_t{0});
  for (int64_t i = 0; i < experts.numel(); ++i) {
    if (expert[i] >= 0) flag[i / k * count + expert[i]] = 1;
  }
}

void segment_sizes(const Tensor& offsets, Tensor& sizes) {
  const auto* offset = offsets.data<int64_t>();
  auto* size = sizes.mutable_data<int64_t>();
  for (int64_t e = 0; e < sizes.numel(); ++e) size[e] = offset[e + 1] - offset[e];
}

void slots_of_rows(const Tensor& slots, const Tensor& offsets, Tensor& place, Tensor& known) {
  const int64_t experts = slots.size(0), classes = slots.size(1);
  const auto* slot = slots.data<int64_t>();
  const auto* offset = offsets.data<int64_t>();
  auto* index = place.mutable_data<int64_t>();
  auto* flag = known.mutable_data<uint8_t>();
  for (int64_t e = 0; e < experts; ++e) {
    for (int64_t n = offset[e]; n < offset[e + 1]; ++n) {
      for (int64_t c = 0; c < classes; ++c) {
        const int64_t s = slot[e * classes + c];
        index[n * classes + c] = std::max<int64_t>(s, 0);
        flag[n * classes + c] = s >= 0;
      }
    }
  }
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
