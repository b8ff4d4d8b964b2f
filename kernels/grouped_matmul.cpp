#include "kernels/grouped_matmul.h"

#include "kernels/check.h"
#include "kernels/row_gradient.h"

namespace divvy::kernels {

namespace {

/// `rows` is [N, features], one for each row in the segments of an input with `input_rows` rows.
void check_rows(const char* op, const char* name, const Tensor& rows, const Segments& segments, int64_t experts,
                int64_t input_rows, int64_t features) {
  check_segments(op, segments, experts, input_rows, rows.device());
  check::shape(op, name, rows, {segments.rows(input_rows), features});
}

void check_matrix(const char* op, const char* name, const Tensor& t) {
  check::floating(op, name, t);
  check::rank(op, name, t, 2);
}

}  // namespace

void grouped_matmul(const Tensor& x, const Tensor& weight, const Tensor& bias, const Segments& segments, Tensor& y,
                    Precision precision) {
  const char* op = "grouped_matmul";
  check_matrix(op, "x", x);
  check::rank(op, "weight", weight, 3);
  check::same_kind(op, "weight", weight, x);
  const int64_t experts = weight.size(0), features = weight.size(1);
  check::shape(op, "weight", weight, {experts, features, x.size(1)});
  if (bias.defined()) {
    check::shape(op, "bias", bias, {experts, features});
    check::same_kind(op, "bias", bias, x);
  }
  check_rows(op, "y", y, segments, experts, x.size(0), features);
  check::same_kind(op, "y", y, x);
  DIVVY_BACKEND(x, grouped_matmul)(x, weight, bias, segments, y, precision);
}

void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx,
                                   Precision precision) {
  const char* op = "grouped_matmul_backward_input";
  check_matrix(op, "dy", dy);
  check::rank(op, "weight", weight, 3);
  check::same_kind(op, "weight", weight, dy);
  check::rank(op, "dx", dx, 2);
  check::shape(op, "dx", dx, {dx.size(0), weight.size(2)});
  check::same_kind(op, "dx", dx, dy);
  check_rows(op, "dy", dy, segments, weight.size(0), dx.size(0), weight.size(1));
  with_row_gradient(segments, dx, [&](Tensor& rows) {
    DIVVY_BACKEND(dy, grouped_matmul_backward_input)(dy, weight, segments, rows, precision);
  });
}

void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight,
                                    Precision precision) {
  const char* op = "grouped_matmul_backward_weight";
  check_matrix(op, "x", x);
  check::same_kind(op, "dy", dy, x);
  check::rank(op, "dweight", dweight, 3);
  check::same_kind(op, "dweight", dweight, x);
  check::shape(op, "dweight", dweight, {dweight.size(0), dweight.size(1), x.size(1)});
  check_rows(op, "dy", dy, segments, dweight.size(0), x.size(0), dweight.size(1));
  DIVVY_BACKEND(x, grouped_matmul_backward_weight)(x, dy, segments, dweight, precision);
}

void grouped_matmul_backward_bias(const Tensor& dy, const Segments& segments, Tensor& dbias) {
  const char* op = "grouped_matmul_backward_bias";
  check_matrix(op, "dy", dy);
  check::rank(op, "dbias", dbias, 2);
  check::same_kind(op, "dbias", dbias, dy);
  check_rows(op, "dy", dy, {segments.offsets, {}}, dbias.size(0), dy.size(0), dbias.size(1));
  DIVVY_BACKEND(dy, grouped_matmul_backward_bias)(dy, segments, dbias);
}

}  // namespace divvy::kernels
