#include "kernels/combine.h"

#include <vector>

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// `rows` [N, C] and `output` [B, C] are of one kind, `weights` and `position` [B, k].
void check_arguments(const char* op, const Tensor& rows, const Tensor& weights, const Tensor& position,
                     const Tensor& output) {
  check::floating(op, "rows", rows);
  check::rank(op, "rows", rows, 2);
  check::rank(op, "weights", weights, 2);
  check::same_kind(op, "weights", weights, rows);
  check::shape(op, "position", position, weights.shape());
  check::dtype(op, "position", position, DType::i64);
  check::same_device(op, "position", position, rows);
  check::shape(op, "output", output, {weights.size(0), rows.size(1)});
  check::same_kind(op, "output", output, rows);
}

/// Each row is used at most once: so the gradient of a row is one product, and rows can be written in parallel.
void check_positions(const char* op, const Tensor& position, int64_t rows) {
  check::indices_or_none(op, "position", position, rows);
  if (!position.device().is_cpu()) return;
  const auto values = position.values<int64_t>();
  std::vector<bool> used(static_cast<size_t>(rows), false);
  for (size_t i = 0; i < values.size(); ++i) {
    if (values[i] < 0) continue;
    const auto row = static_cast<size_t>(values[i]);
    if (used[row]) fail<ValueError>("{}: position[{}] = {} uses a row a second time", op, i, values[i]);
    used[row] = true;
  }
}

}  // namespace

void combine(const Tensor& rows, const Tensor& weights, const Tensor& position, Tensor& y) {
  check_arguments("combine", rows, weights, position, y);
  check_positions("combine", position, rows.size(0));
  DIVVY_BACKEND(rows, combine)(rows, weights, position, y);
}

void combine_backward_rows(const Tensor& weights, const Tensor& position, const Tensor& dy, Tensor& drows) {
  check_arguments("combine_backward_rows", drows, weights, position, dy);
  check_positions("combine_backward_rows", position, drows.size(0));
  DIVVY_BACKEND(dy, combine_backward_rows)(weights, position, dy, drows);
}

void combine_backward_weights(const Tensor& rows, const Tensor& position, const Tensor& dy, Tensor& dweights) {
  check_arguments("combine_backward_weights", rows, dweights, position, dy);
  check_positions("combine_backward_weights", position, rows.size(0));
  DIVVY_BACKEND(dy, combine_backward_weights)(rows, position, dy, dweights);
}

}  // namespace divvy::kernels
