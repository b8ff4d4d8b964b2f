#include "kernels/route.h"

#include "kernels/counting_sort.h"
#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/math.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/top_entry.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Routed {
  T* probabilities;
  int64_t* experts;
  T* weights;
};

/// counts[E + 1, tiles], a tile for each block; the last row is of assignments that name none, which there are none of.
struct Counting {
  int64_t* counts;  ///< or null
  int64_t samples;  ///< of a block
};

/// A warp a sample: k searches for the next best score, whose first is the maximum that the softmax subtracts, one sum,
/// one pass that writes. The scores stay in the first cache. What is chosen goes into chosen[count] as well, unless
/// that is null.
template <class T>
__device__ void route_sample(const T* scores, int64_t b, int64_t count, int64_t k, T inverse, bool among_chosen,
                             Routed<T> to, int* chosen) {
  const int lane = static_cast<int>(threadIdx.x % 32);
  scores += b * count;
  to.probabilities += b * count;
  to.experts += b * k;
  to.weights += b * k;
  Entry<T> last{T{}, -1};
  T max{}, sum = 0;
  for (int64_t j = 0; j < k; ++j) {
    Entry<T> best{T{}, -1};
    for (int64_t e = lane; e < count; e += 32) {
      const Entry<T> entry{scores[e], e};
      if ((j == 0 || last.before(entry)) && entry.before(best)) best = entry;
    }
    last = warp_first(best);
    if (j == 0) max = last.value;
    if (lane == 0) {
      to.experts[j] = last.index;
      if (chosen) atomicAdd(&chosen[last.index], 1);
    }
    if (among_chosen) sum += Math::exp((last.value - max) * inverse);
  }
  if (!among_chosen) {
    for (int64_t e = lane; e < count; e += 32) sum += Math::exp((scores[e] - max) * inverse);
    sum = warp_reduce(sum, Sum());
  }
  const T scale = 1 / sum;
  for (int64_t e = lane; e < count; e += 32) {
    to.probabilities[e] = among_chosen ? T{0} : Math::exp((scores[e] - max) * inverse) * scale;
  }
  __syncwarp();  // the experts are read by all lanes, and the zeros are overwritten by others
  for (int64_t j = lane; j < k; j += 32) {
    const int64_t e = to.experts[j];
    const T weight = Math::exp((scores[e] - max) * inverse) * scale;
    to.weights[j] = weight;
    if (among_chosen) to.probabilities[e] = weight;
  }
}

template <class T>
__global__ void __launch_bounds__(512) route_kernel(const T* scores, int64_t samples, int64_t count, int64_t k,
                                                    T inverse, bool among_chosen, Routed<T> to, Counting counting) {
  int* chosen = counting.counts ? dynamic_shared<int>() : nullptr;
  const auto threads = static_cast<int>(blockDim.x), t = static_cast<int>(threadIdx.x);
  if (chosen) {
    for (int e = t; e <= count; e += threads) chosen[e] = 0;
    __syncthreads();
  }
  const int64_t begin = blockIdx.x * counting.samples, end = min(begin + counting.samples, samples);
  const int warp = __shfl_sync(0xffffffffu, t / 32, 0);  // the same for all lanes, as the compiler sees by this
  for (int64_t b = begin + warp; b < end; b += threads / 32) {
    route_sample(scores, b, count, k, inverse, among_chosen, to, chosen);
  }
  if (chosen) {
    __syncthreads();
    for (int e = t; e <= count; e += threads) counting.counts[e * int64_t{gridDim.x} + blockIdx.x] = chosen[e];
  }
}

}  // namespace

void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities, Tensor& experts,
                 Tensor& weights, Tensor& counts) {
  const int64_t samples = scores.size(0), count = scores.size(1);
  if (samples == 0) return;
  // Eight samples for a warp where they are counted: fewer tiles are quicker to sum up.
  const bool counted = counts.defined();
  const int64_t of_block = counted ? counted_samples(samples) : kThreads / 32;
  const Grid grid{scores.device(), static_cast<unsigned>((samples + of_block - 1) / of_block), counted ? 512 : kThreads,
                  counted ? static_cast<size_t>(count + 1) * sizeof(int) : 0};
  const Counting counting{counted ? counts.mutable_data<int64_t>() : nullptr, of_block};
  visit_floating("route_top_k", scores.dtype(), [&]<class T>() {
    launch(grid, route_kernel<T>, scores.data<T>(), samples, count, experts.size(1), static_cast<T>(1 / temperature),
           among_chosen,
           Routed<T>{probabilities.mutable_data<T>(), experts.mutable_data<int64_t>(), weights.mutable_data<T>()},
           counting);
  });
}

}  // namespace divvy::kernels::cuda
