#pragma once

#include <cstdint>

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
CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool complete = false);

namespace cpu {
CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool complete);
}

namespace cuda {
decltype(cpu::counting_sort) counting_sort;
}

}  // namespace divvy::kernels
