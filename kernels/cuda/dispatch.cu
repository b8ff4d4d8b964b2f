#include "kernels/dispatch.h"

#include <algorithm>

#include "kernels/cuda/for_rows.cuh"
#include "tensor/cuda/fault.h"

namespace divvy::kernels::cuda {

namespace {

/// One more row than there are experts, for the last offset.
struct DenseDispatch {
  int64_t samples, experts;
  int64_t *offsets, *sample, *position;
  __device__ void operator()(int64_t e, int64_t b) const {
    if (b == 0) offsets[e] = e * samples;
    if (e == experts || b >= samples) return;
    sample[e * samples + b] = b;
    position[b * experts + e] = e * samples + b;
  }
};

struct DensePositions {
  const int64_t* expert;
  int64_t samples, k, experts;
  int64_t* position;
  divvy::cuda::Fault fault;
  __device__ void operator()(int64_t b, int64_t j) const {
    const int64_t e = expert[b * k + j];
    const bool valid = e >= -1 && e < experts;
    if (!valid) fault.raise();
    position[b * k + j] = valid && e >= 0 ? e * samples + b : -1;
  }
};

struct EveryExpert {
  int64_t count;
  int64_t* expert;
  __device__ void operator()(int64_t b, int64_t e) const { expert[b * count + e] = e; }
};

struct ChosenMask {
  const int64_t* expert;
  int64_t k, count;
  uint8_t* mask;
  divvy::cuda::Fault fault;
  __device__ void operator()(int64_t b, int64_t e) const {
    bool chosen = false;
    for (int64_t i = b * k; i < (b + 1) * k; ++i) {
      chosen = chosen || expert[i] == e;
      if (e == 0 && (expert[i] < -1 || expert[i] >= count)) fault.raise();
    }
    mask[b * count + e] = chosen;
  }
};

struct SegmentSizes {
  const int64_t* offsets;
  int64_t* sizes;
  __device__ void operator()(int64_t e) const { sizes[e] = offsets[e + 1] - offsets[e]; }
};

struct SlotsOfRows {
  const int64_t *slots, *offsets;
  int64_t experts, classes;
  int64_t* place;
  uint8_t* known;
  __device__ void operator()(int64_t n, int64_t c) const {
    int64_t e = 0, end = experts - 1;  // the last expert whose rows do not begin behind n
    while (e < end) {
      const int64_t middle = (e + end + 1) / 2;
      if (offsets[middle] <= n) {
        e = middle;
      } else {
        end = middle - 1;
      }
    }
    const int64_t slot = slots[e * classes + c];
    place[n * classes + c] = slot < 0 ? 0 : slot;
    known[n * classes + c] = slot >= 0;
  }
};

}  // namespace

void dense_dispatch(Tensor& offsets, Tensor& sample, Tensor& position) {
  const int64_t samples = position.size(0), experts = position.size(1);
  for_rows(position.device(), experts + 1, std::max<int64_t>(samples, 1),
           DenseDispatch{samples, experts, offsets.mutable_data<int64_t>(), sample.mutable_data<int64_t>(),
                         position.mutable_data<int64_t>()});
}

void dense_positions(const Tensor& experts, int64_t num_experts, Tensor& position) {
  const int64_t samples = experts.size(0), k = experts.size(1);
  for_rows(experts.device(), samples, k,
           DensePositions{experts.data<int64_t>(), samples, k, num_experts, position.mutable_data<int64_t>(),
                          divvy::cuda::fault(experts.device().index, "dispatch: a chosen expert is out of range")});
}

void every_expert(Tensor& experts) {
  for_rows(experts.device(), experts.size(0), experts.size(1),
           EveryExpert{experts.size(1), experts.mutable_data<int64_t>()});
}

void chosen_mask(const Tensor& experts, Tensor& mask) {
  for_rows(experts.device(), mask.size(0), mask.size(1),
           ChosenMask{experts.data<int64_t>(), experts.size(1), mask.size(1), mask.mutable_data<uint8_t>(),
                      divvy::cuda::fault(experts.device().index, "chosen_mask: an expert is out of range")});
}

void segment_sizes(const Tensor& offsets, Tensor& sizes) {
  for_each(offsets.device(), sizes.numel(), SegmentSizes{offsets.data<int64_t>(), sizes.mutable_data<int64_t>()});
}

void slots_of_rows(const Tensor& slots, const Tensor& offsets, Tensor& place, Tensor& known) {
  for_rows(slots.device(), place.size(0), place.size(1),
           SlotsOfRows{slots.data<int64_t>(), offsets.data<int64_t>(), slots.size(0), slots.size(1),
                       place.mutable_data<int64_t>(), known.mutable_data<uint8_t>()});
}

}  // namespace divvy::kernels::cuda
