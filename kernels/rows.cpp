#include "kernels/rows.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

struct Operand {
  const char* name;
  const Tensor& value;
};

/// `table` is [R, ...], and `indexed` has one row of it for each index: [N, ...].
void check_arguments(const char* op, Operand table, const Tensor& index, Operand indexed) {
  check::min_rank(op, table.name, table.value, 1);
  check::rank(op, "index", index, 1);
  check::dtype(op, "index", index, DType::i64);
  check::same_device(op, "index", index, table.value);
  check::shape(op, indexed.name, indexed.value, table.value.shape().with(0, index.numel()));
  check::same_kind(op, indexed.name, indexed.value, table.value);
  check::indices(op, "index", index, table.value.size(0));
}

}  // namespace

void gather_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  check_arguments("gather_rows", {"x", x}, index, {"output", y});
  DIVVY_BACKEND(x, gather_rows)(x, index, y);
}

void scatter_add_rows(const Tensor& x, const Tensor& index, Tensor& y) {
  check::floating("scatter_add_rows", "x", x);
  check_arguments("scatter_add_rows", {"output", y}, index, {"x", x});
  DIVVY_BACKEND(x, scatter_add_rows)(x, index, y);
}

}  // namespace divvy::kernels
