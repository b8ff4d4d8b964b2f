#include "kernels/counting_sort.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool /*complete*/, const Tensor& /*counts*/) {
  const int64_t samples = experts.size(0), k = experts.size(1);
  const int64_t* expert = experts.data<int64_t>();
  // A tile has at least as many assignments as there are experts, so that all histograms together are O(B k + E).
  const int64_t per_tile = std::max<int64_t>(16384, num_experts);
  const int64_t tile = per_tile / std::max<int64_t>(k, 1) + 1;
  const int64_t tiles = (samples + tile - 1) / tile;

  // next[t, e]: how many rows tile t gives to expert e; then the row where it writes the next of them.
  std::vector<int64_t> next(static_cast<size_t>(tiles * num_experts), 0);
  parallel_tiles(samples, tile, [&](int64_t begin, int64_t end) {
    int64_t* count = next.data() + begin / tile * num_experts;
    for (int64_t i = begin * k; i < end * k; ++i) {
      if (expert[i] >= 0) ++count[expert[i]];
    }
  });

  CountingSort sorted{Tensor::empty({num_experts + 1}, DType::i64), {}, Tensor::empty_like(experts)};
  int64_t* offsets = sorted.offsets.mutable_data<int64_t>();
  int64_t rows = 0;
  for (int64_t e = 0; e < num_experts; ++e) {
    offsets[e] = rows;
    for (int64_t t = 0; t < tiles; ++t) {
      int64_t& first = next[static_cast<size_t>(t * num_experts + e)];
      const int64_t count = first;
      first = rows;
      rows += count;
    }
  }
  offsets[num_experts] = rows;

  sorted.sample = Tensor::empty({rows}, DType::i64);
  int64_t* sample = sorted.sample.mutable_data<int64_t>();
  int64_t* position = sorted.position.mutable_data<int64_t>();
  parallel_tiles(samples, tile, [&](int64_t begin, int64_t end) {
    int64_t* row = next.data() + begin / tile * num_experts;
    for (int64_t b = begin; b < end; ++b) {
      for (int64_t i = b * k; i < (b + 1) * k; ++i) {
        position[i] = expert[i] < 0 ? -1 : row[expert[i]]++;
        if (position[i] >= 0) sample[position[i]] = b;
      }
    }
  });
  return sorted;
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
