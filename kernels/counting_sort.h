#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The layout of a dispatch: rows sorted by expert. N is the number of assignments that name an expert.
struct CountingSort {
  Tensor offsets;   ///< i64 [E + 1]: expert e has the rows [offsets[e], offsets[e + 1])
  Tensor sample;    ///< i64 [N]: the sample that a row carries
  Tensor position;  ///< i64 [B, k]: the row that carries an assignment, -1 where there is none
};

/// Sorts the assignments experts[b, j] by expert, in O(B k + E). `experts` is i64 [B, k] with values in [-1, E), -1 for
/// none; a sample may name an expert more than once and then has as many rows there. Stable: the rows of an expert are
/// in order of (b, j). Throws ValueError for E < 1 and for an assignment outside [-1, E).
///
/// On a device N must be known before there is a tensor of that size: one number is copied to the host, which waits for
/// it. A caller who knows that every assignment names an expert promises so by `complete`: then N = B k, nothing waits,
/// and -1 is refused as well.
///
/// `counts`: undefined, or what route_top_k counted of these same experts, which saves a pass over them.
CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool complete = false,
                           const Tensor& counts = {});

/// i64 [E + 1, tiles] for route_top_k to count in, for counting_sort's sake, how often each tile of the samples names
/// each expert; undefined where that would save nothing, and always on the CPU.
Tensor counts_buffer(int64_t samples, int64_t k, int64_t num_experts, Device device);

/// Refuses counts that counts_buffer() would not give for as many samples as `of` has, on its device. Undefined ones
/// pass.
namespace check {
void counts(const char* op, const Tensor& counts, int64_t num_experts, const Tensor& of);
}

/// The assignments that one block of a device sorts; fewer are sorted by one kernel alone.
inline constexpr int64_t kSortTile = 4096;
/// The samples of a tile that is counted. Few enough to keep a device busy, and no more than 1,024 tiles.
inline int64_t counted_samples(int64_t samples) { return std::max<int64_t>(128, (samples / 1024 + 32) / 32 * 32); }

DIVVY_BACKENDS(counting_sort);

}  // namespace divvy::kernels
