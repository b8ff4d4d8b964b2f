#include "kernels/route.h"

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

/// A warp a sample: k searches for the next best score, whose first is the maximum that the softmax subtracts, one sum,
/// one pass that writes. The scores stay in the first cache.
template <class T>
__global__ void __launch_bounds__(kThreads) route_kernel(const T* scores, int64_t samples, int64_t count, int64_t k,
                                                         T inverse, bool among_chosen, Routed<T> to) {
  const int64_t b = blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32;
  if (b >= samples) return;  // whole warps
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
    if (lane == 0) to.experts[j] = last.index;
    if (among_chosen) sum += math::exp((last.value - max) * inverse);
  }
  if (!among_chosen) {
    for (int64_t e = lane; e < count; e += 32) sum += math::exp((scores[e] - max) * inverse);
    sum = warp_reduce(sum, Sum());
  }
  const T scale = 1 / sum;
  for (int64_t e = lane; e < count; e += 32) {
    to.probabilities[e] = among_chosen ? T{0} : math::exp((scores[e] - max) * inverse) * scale;
  }
  __syncwarp();  // the experts are read by all lanes, and the zeros are overwritten by others
  for (int64_t j = lane; j < k; j += 32) {
    const int64_t e = to.experts[j];
    const T weight = math::exp((scores[e] - max) * inverse) * scale;
    to.weights[j] = weight;
    if (among_chosen) to.probabilities[e] = weight;
  }
}

}  // namespace

void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities, Tensor& experts,
                 Tensor& weights) {
  const int64_t samples = scores.size(0);
  if (samples == 0) return;
  visit_floating("route_top_k", scores.dtype(), [&]<class T>() {
    launch({scores.device(), static_cast<unsigned>((samples + kThreads / 32 - 1) / (kThreads / 32)), kThreads},
           route_kernel<T>, scores.data<T>(), samples, scores.size(1), experts.size(1), static_cast<T>(1 / temperature),
           among_chosen,
           Routed<T>{probabilities.mutable_data<T>(), experts.mutable_data<int64_t>(), weights.mutable_data<T>()});
  });
}

}  // namespace divvy::kernels::cuda
