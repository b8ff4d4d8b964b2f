#include "kernels/permute.h"

#include <algorithm>

#include "kernels/cuda/for_rows.cuh"
#include "kernels/cuda/vector.cuh"
#include "kernels/permute_axes.h"

namespace divvy::kernels::cuda {

namespace {

constexpr int kSide = 32;         // of the tiles that are turned in shared memory
constexpr int64_t kThinAxis = 8;  // shorter axes would leave most of a tile empty; the caches serve them as well

/// Where a combination of indices, counted row-major, starts in x and in y. Index: 32 bits where they do, because they
/// divide several times faster.
template <class Index>
struct Axes {
  int count = 0;
  Index size[Shape::kMaxRank] = {};
  int64_t from[Shape::kMaxRank] = {}, to[Shape::kMaxRank] = {};

  explicit Axes(const std::vector<PermutedAxis>& axes) {
    for (const PermutedAxis& axis : axes) {
      size[count] = static_cast<Index>(axis.size);
      from[count] = axis.from;
      to[count++] = axis.to;
    }
  }
  __device__ void locate(int64_t combination, int64_t& x, int64_t& y) const {
    auto left = static_cast<Index>(combination);
    x = y = 0;
#pragma unroll
    for (int k = Shape::kMaxRank - 1; k >= 0; --k) {
      if (k >= count) continue;
      const Index rest = left / size[k];
      const auto index = static_cast<int64_t>(left - rest * size[k]);
      left = rest;
      x += index * from[k];
      y += index * to[k];
    }
  }
};

/// Runs of y in the order of y: to[r, c] = from[start of r, c * step].
template <class Word, class Index>
struct CopyRuns {
  const Word* from;
  Axes<Index> outer;
  int64_t length, step;
  Word* to;
  __device__ void operator()(int64_t r, int64_t c) const {
    int64_t x, y;
    outer.locate(r, x, y);
    to[r * length + c] = from[x + c * step];
  }
};

struct Plane {
  PermutedAxis rows, cols;  ///< rows: the axis that is contiguous in x; cols: the one that is contiguous in y
  int64_t row_tiles, col_tiles, tiles;
};

/// A block turns tiles of planes.
template <class Word, class Index>
__global__ void __launch_bounds__(kThreads)
    transpose_kernel(const Word* from, const __grid_constant__ Axes<Index> outer, Plane plane, Word* to) {
  __shared__ Word tile[kSide][kSide + 1];
  const int tx = static_cast<int>(threadIdx.x), ty = static_cast<int>(threadIdx.y);
  for (int64_t t = blockIdx.x; t < plane.tiles; t += gridDim.x) {
    const int64_t of_rows = t / plane.col_tiles, c = (t - of_rows * plane.col_tiles) * kSide;
    const int64_t combination = of_rows / plane.row_tiles, r = (of_rows - combination * plane.row_tiles) * kSide;
    int64_t x, y;
    outer.locate(combination, x, y);
    for (int i = ty; i < kSide; i += kThreads / kSide) {
      if (c + i < plane.cols.size && r + tx < plane.rows.size)
        tile[i][tx] = from[x + (c + i) * plane.cols.from + r + tx];
    }
    __syncthreads();
    for (int i = ty; i < kSide; i += kThreads / kSide) {
      if (r + i < plane.rows.size && c + tx < plane.cols.size) to[y + (r + i) * plane.rows.to + c + tx] = tile[tx][i];
    }
    __syncthreads();
  }
}

int64_t combinations(const std::vector<PermutedAxis>& axes) {
  int64_t count = 1;
  for (const PermutedAxis& axis : axes) count *= axis.size;
  return count;
}

template <class Word, class Index>
void copy_runs(Device device, const void* x, std::vector<PermutedAxis> axes, void* y) {
  const PermutedAxis run = axes.back();
  axes.pop_back();
  for_rows(
      device, combinations(axes), run.size,
      CopyRuns<Word, Index>{static_cast<const Word*>(x), Axes<Index>(axes), run.size, run.from, static_cast<Word*>(y)});
}

template <class Word, class Index>
void permute_words(Device device, const void* x, std::vector<PermutedAxis> axes, void* y) {
  const auto contiguous = std::ranges::find(axes, int64_t{1}, &PermutedAxis::from);
  if (axes.back().from == 1 || std::min(contiguous->size, axes.back().size) < kThinAxis) {
    return copy_runs<Word, Index>(device, x, axes, y);
  }
  Plane plane{*contiguous, axes.back(), 0, 0, 0};
  axes.pop_back();
  axes.erase(contiguous);
  plane.row_tiles = (plane.rows.size + kSide - 1) / kSide;
  plane.col_tiles = (plane.cols.size + kSide - 1) / kSide;
  plane.tiles = combinations(axes) * plane.row_tiles * plane.col_tiles;
  const auto blocks = static_cast<unsigned>(std::min(plane.tiles, most_blocks(device)));
  launch({device, blocks, dim3(kSide, kThreads / kSide)}, transpose_kernel<Word, Index>, static_cast<const Word*>(x),
         Axes<Index>(axes), plane, static_cast<Word*>(y));
}

template <class Word>
void permute_words(Device device, const void* x, const std::vector<PermutedAxis>& axes, int64_t count, void* y) {
  if (count < (int64_t{1} << 31)) {
    permute_words<Word, uint32_t>(device, x, axes, y);
  } else {
    permute_words<Word, int64_t>(device, x, axes, y);
  }
}

}  // namespace

void permute(const Tensor& x, const std::vector<int>& axes, Tensor& y) {
  if (x.numel() == 0) return;
  std::vector<PermutedAxis> merged = merged_axes(x.shape(), axes);
  if (merged.empty()) merged.push_back({1, 1, 1});
  const void* from = x.bytes();
  void* to = y.mutable_bytes();
  // The runs of an axis that stays last can be copied in words of several elements.
  const int64_t size = size_of(x.dtype());
  const bool runs = merged.back().from == 1;
  visit_word(runs ? merged.back().size * size : size, {from, to}, [&]<class Word>() {
    const int64_t a_word = static_cast<int64_t>(sizeof(Word)) / size;
    if (runs && a_word > 1) {
      for (PermutedAxis& axis : merged) {
        axis.from /= a_word;
        axis.to /= a_word;
      }
      merged.back() = {merged.back().size / a_word, 1, 1};
    }
    permute_words<Word>(x.device(), from, merged, x.numel(), to);
  });
}

}  // namespace divvy::kernels::cuda
