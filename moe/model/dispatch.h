#pragma once

#include "kernels/segments.h"
#include "tensor/tensor.h"

namespace divvy::moe {

/// The layout in which experts are evaluated: one row for each pair of a sample and an expert chosen for it, sorted by
/// expert. Dense evaluation is the dispatch in which every expert has every sample.
struct Dispatch {
  int64_t samples = 0;  ///< B
  Segments segments;    ///< offsets [E + 1]; sample [N]: the sample of each row
  Tensor position;      ///< i64 [B, k]: the row of the j-th choice of a sample, or -1 if it has none

  int64_t experts() const { return segments.experts(); }
  int64_t rows() const { return segments.sample.numel(); }

  /// Every expert has every sample, in order: row e * B + b is sample b at expert e.
  static Dispatch dense(int64_t samples, int64_t experts, Device device = {});
  /// The dispatch of the experts chosen for each sample, i64 [B, k], -1 for none; the rows of an expert are in the
  /// order of the samples. On a GPU this waits for the number of rows unless the caller guarantees by `complete` that
  /// no choice is -1. `counts` is Routing::counts of the same choice, or undefined.
  static Dispatch of(const Tensor& chosen, int64_t experts, bool complete = false, const Tensor& counts = {});
  /// Every expert has every sample, as in dense(), but `position` has only the rows of the chosen experts, i64 [B, k].
  /// Throws ValueError for an expert outside [-1, experts).
  static Dispatch dense_with_choice(const Tensor& chosen, int64_t experts);

  /// Whether every expert has every sample.
  bool is_dense() const { return rows() == samples * experts(); }
};

}  // namespace divvy::moe
