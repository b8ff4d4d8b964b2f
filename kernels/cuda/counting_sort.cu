#include "kernels/cuda/counting_sort.cuh"

#include <algorithm>
#include <bit>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/scan_block.cuh"
#include "tensor/cuda/device_memory.h"

// Stable and without a rank that depends on the order of threads: a tile of assignments belongs to a block, consecutive
// parts of it to its warps, and within a warp the lanes with the same expert find each other. Counts of the tiles come
// first, unless whoever chose the experts has counted already; their sums next, ranks last. A single tile does all in
// one kernel. Where there are more buckets than counters (rows that are added up by index), digits of the bucket are
// sorted one after the other, the lowest first.
namespace divvy::kernels::cuda {

namespace {

constexpr int64_t kMaxTiles = 1024;     // or the sums over tiles take longer than the rest: tiles are larger then
constexpr int64_t kCounters = 1 << 15;  // of a block, in shared memory: 128 KiB
constexpr int kMaxDigitBits = 12;       // 4096 buckets leave a block 8 warps

/// Where the keys of a pass come from: the assignments, or the pairs of an earlier pass.
struct Source {
  const int64_t* keys;
  const int64_t* entries;  ///< nullptr: the i-th key belongs to entry i
  int64_t experts;         ///< the key of what names no expert
  Refused refused;
  int shift;
  int64_t mask;

  __device__ int64_t key(int64_t i) const {
    const int64_t key = keys[i];
    if (key >= 0 && key <= experts - (entries ? 0 : 1)) return key;
    if (key < refused.least || key >= experts) refused.fault.raise();
    return experts;
  }
  __device__ int64_t entry(int64_t i) const { return entries ? entries[i] : i; }
  __device__ int digit(int64_t key) const { return static_cast<int>((key >> shift) & mask); }
};

/// What becomes of an entry once its rank is known. Each pair of pointers may be missing.
struct Target {
  int64_t *keys, *entries;
  int64_t *sample, *position;
  int64_t k, experts;

  __device__ void put(int64_t rank, int64_t key, int64_t entry) const {
    if (keys) {
      keys[rank] = key;
      entries[rank] = entry;
    }
    if (sample) {
      sample[rank] = entry / k;
      position[entry] = key < experts ? rank : -1;
    }
  }
};

struct Layout {
  int64_t count, tile, chunk;  ///< of all, of a block, of a warp
  int buckets, tiles;
};

/// counts[bucket, tile]
__global__ void __launch_bounds__(1024) count_kernel(Source source, Layout layout, int64_t* counts) {
  int* count = dynamic_shared<int>();
  for (int d = static_cast<int>(threadIdx.x); d < layout.buckets; d += static_cast<int>(blockDim.x)) count[d] = 0;
  __syncthreads();
  const int64_t begin = blockIdx.x * layout.tile, end = min(begin + layout.tile, layout.count);
  for (int64_t i = begin + threadIdx.x; i < end; i += blockDim.x) atomicAdd(&count[source.digit(source.key(i))], 1);
  __syncthreads();
  for (int d = static_cast<int>(threadIdx.x); d < layout.buckets; d += static_cast<int>(blockDim.x)) {
    counts[d * int64_t{layout.tiles} + blockIdx.x] = count[d];
  }
}

/// starts[bucket, tile] = the sum of all counts before that one: the rank of the tile's first entry in the bucket.
/// offsets[bucket] where they are wanted. One block; a warp sums neighboring counts, 32 at a time.
__global__ void __launch_bounds__(1024)
    sum_kernel(const int64_t* counts, Layout layout, int64_t* starts, int64_t* offsets) {
  constexpr int kWarps = 32;
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int all = layout.buckets * layout.tiles, rounds = (all + 32 * kWarps - 1) / (32 * kWarps);
  const int first = warp * rounds * 32 + lane;
  long long own = 0;
#pragma unroll 4
  for (int r = 0; r < rounds; ++r) own += first + r * 32 < all ? counts[first + r * 32] : 0;
  int64_t before = block_sum_before(own);
  before = __shfl_sync(0xffffffffu, static_cast<long long>(before), 0);
#pragma unroll 4
  for (int r = 0; r < rounds; ++r) {
    const int i = first + r * 32;
    const long long count = i < all ? counts[i] : 0;
    long long sum = count;
    for (int by = 1; by < 32; by *= 2) {
      const long long left = __shfl_up_sync(0xffffffffu, sum, by);
      if (lane >= by) sum += left;
    }
    if (i < all) {
      starts[i] = before + sum - count;
      if (offsets && i % layout.tiles == 0) offsets[i / layout.tiles] = before + sum - count;
    }
    before += __shfl_sync(0xffffffffu, sum, 31);
  }
}

/// Ranks the entries of a tile; `starts` are what sum_kernel made of the counts. Without them the tile is the only one,
/// and the kernel sums by itself.
__global__ void __launch_bounds__(1024, 1)
    rank_kernel(Source source, Layout layout, const int64_t* starts, int64_t* offsets, Target target) {
  int* count = dynamic_shared<int>();  // [warps][buckets]
  const int lane = static_cast<int>(threadIdx.x % 32), warp = static_cast<int>(threadIdx.x / 32);
  const int warps = static_cast<int>(blockDim.x / 32), buckets = layout.buckets;
  int* own = count + warp * buckets;
  for (int i = static_cast<int>(threadIdx.x); i < warps * buckets; i += static_cast<int>(blockDim.x)) count[i] = 0;
  __syncthreads();
  const int64_t begin = blockIdx.x * layout.tile, end = min(begin + layout.tile, layout.count);
  const int64_t first = begin + warp * layout.chunk, last = min(first + layout.chunk, end);
  for (int64_t i = first + lane; i < last; i += 32) atomicAdd(&own[source.digit(source.key(i))], 1);
  __syncthreads();

  // Neighboring buckets of a thread: what comes before them in the tile, and before each warp.
  const int a_thread = (buckets + static_cast<int>(blockDim.x) - 1) / static_cast<int>(blockDim.x);
  const int from = min(static_cast<int>(threadIdx.x) * a_thread, buckets), to = min(from + a_thread, buckets);
  int before = 0;
  if (starts == nullptr) {
    int sum = 0;
    for (int d = from; d < to; ++d) {
      for (int w = 0; w < warps; ++w) sum += count[w * buckets + d];
    }
    before = block_sum_before(sum);
  }
  for (int d = from; d < to; ++d) {
    int rank = starts ? 0 : before;
    if (offsets) offsets[d] = rank;
    for (int w = 0; w < warps; ++w) {
      const int here = count[w * buckets + d];
      count[w * buckets + d] = rank;
      rank += here;
    }
    before = rank;
  }
  __syncthreads();

  for (int64_t group = first; group < last; group += 32) {
    const int64_t i = group + lane;
    const int64_t key = i < last ? source.key(i) : -1;
    const int digit = i < last ? source.digit(key) : -1;
    const unsigned peers = __match_any_sync(0xffffffffu, digit);
    const int ahead = __popc(peers & ((1u << lane) - 1));
    const int next = i < last ? own[digit] : 0;
    __syncwarp();
    if (i < last && ahead == 0) own[digit] = next + __popc(peers);
    __syncwarp();
    if (i >= last) continue;
    const int64_t start = starts ? starts[digit * int64_t{layout.tiles} + blockIdx.x] : 0, rank = start + next + ahead;
    // Counts of another choice would lead anywhere.
    if (rank < 0 || rank >= layout.count) {
      source.refused.fault.raise();
    } else {
      target.put(rank, key, source.entry(i));
    }
  }
}

/// offsets[e] = how many of the sorted keys are below e.
struct FindOffsets {
  const int64_t* keys;
  int64_t count;
  int64_t* offsets;
  __device__ void operator()(int64_t e) const {
    int64_t low = 0, high = count;
    while (low < high) {
      const int64_t middle = (low + high) / 2;
      if (keys[middle] < e) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    offsets[e] = low;
  }
};

/// One stable pass by a digit of the keys. `counted`: null, or counts [buckets, tiles] of tiles of so many assignments.
void sort_pass(Device device, const Source& source, int64_t count, int buckets, const int64_t* counted, int64_t tile,
               int64_t* offsets, const Target& target) {
  if (counted == nullptr) tile = std::max(kSortTile, (count / kMaxTiles + 32) / 32 * 32);
  const int64_t tiles = (count + tile - 1) / tile;
  const int64_t warps = std::min({kCounters / buckets, int64_t{32}, (std::min(count, tile) + 31) / 32});
  const Layout layout{count, tile,
                      (tiles == 1 ? (count + 32 * warps - 1) : (tile + 32 * warps - 1)) / (32 * warps) * 32, buckets,
                      static_cast<int>(tiles)};
  Tensor sums;
  int64_t* starts = nullptr;
  const Grid grid{device, static_cast<unsigned>(tiles), static_cast<unsigned>(32 * warps),
                  static_cast<size_t>(buckets) * sizeof(int)};
  if (tiles > 1) {
    sums = Tensor::empty({counted == nullptr ? 2 : 1, tiles * buckets}, DType::i64, device);
    starts = sums.mutable_data<int64_t>();
    if (counted == nullptr) {
      launch(grid, count_kernel, source, layout, starts + tiles * buckets);
      counted = starts + tiles * buckets;
    }
    launch({device, 1, 1024}, sum_kernel, counted, layout, starts, offsets);
  }
  Grid ranks = grid;
  ranks.shared_bytes *= static_cast<size_t>(warps);
  launch(ranks, rank_kernel, source, layout, starts, tiles > 1 ? nullptr : offsets, target);
}

}  // namespace

CountingSort sort_assignments(const Tensor& experts, int64_t num_experts, Refused refused, const Tensor& counts) {
  const Device device = experts.device();
  const int64_t count = experts.numel(), k = std::max<int64_t>(experts.size(1), 1);
  CountingSort sorted{Tensor::empty({num_experts + 1}, DType::i64, device), Tensor::empty({count}, DType::i64, device),
                      Tensor::empty_like(experts)};
  int64_t* offsets = sorted.offsets.mutable_data<int64_t>();
  if (count == 0) {
    divvy::cuda::zero_bytes(offsets, device.index, static_cast<size_t>(sorted.offsets.nbytes()));
    return sorted;
  }
  Source source{experts.data<int64_t>(), nullptr, num_experts, refused, 0, 0};
  Target target{nullptr, nullptr,    sorted.sample.mutable_data<int64_t>(), sorted.position.mutable_data<int64_t>(),
                k,       num_experts};
  const auto bits =
      static_cast<int>(std::bit_width(static_cast<uint64_t>(num_experts)));  // of the keys 0 to E, E for none
  if (bits <= kMaxDigitBits) {
    source.mask = (int64_t{1} << bits) - 1;
    sort_pass(device, source, count, static_cast<int>(num_experts) + 1,
              counts.defined() ? counts.data<int64_t>() : nullptr, counted_samples(experts.size(0)) * k, offsets,
              target);
    return sorted;
  }
  const int passes = (bits + kMaxDigitBits - 1) / kMaxDigitBits, digit_bits = (bits + passes - 1) / passes;
  Tensor pairs[2];
  source.mask = (int64_t{1} << digit_bits) - 1;
  for (int pass = 0; pass < passes; ++pass) {
    Tensor& out = pairs[pass % 2];
    if (!out.defined()) out = Tensor::empty({2, count}, DType::i64, device);
    Target of_pass = target;
    of_pass.keys = out.mutable_data<int64_t>();
    of_pass.entries = of_pass.keys + count;
    if (pass + 1 < passes) of_pass.sample = of_pass.position = nullptr;
    source.shift = pass * digit_bits;
    sort_pass(device, source, count, 1 << digit_bits, nullptr, 0, nullptr, of_pass);
    source.keys = of_pass.keys;
    source.entries = of_pass.entries;
  }
  for_each(device, num_experts + 1, FindOffsets{source.keys, count, offsets});
  return sorted;
}

CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool complete, const Tensor& counts) {
  const int device = experts.device().index;
  const auto fault = complete ? divvy::cuda::fault(device, "counting_sort: an assignment names no expert that is there")
                              : divvy::cuda::fault(device, "counting_sort: an assignment is out of range");
  CountingSort sorted = sort_assignments(experts, num_experts, {fault, complete ? 0 : -1}, counts);
  if (!complete && experts.numel() > 0) {
    const double rows = sorted.offsets.slice(num_experts, num_experts + 1).item();
    sorted.sample = sorted.sample.slice(0, static_cast<int64_t>(rows));
  }
  return sorted;
}

}  // namespace divvy::kernels::cuda
