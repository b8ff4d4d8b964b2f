#include "kernels/reduce.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// x is [outer, reduce, inner].
void check_input(const char* op, const Tensor& x) {
  check::floating(op, "x", x);
  check::rank(op, "x", x, 3);
}

/// `reduced` is [outer, inner] of the same kind as x.
void check_reduced(const char* op, const char* name, const Tensor& x, const Tensor& reduced) {
  check::shape(op, name, reduced, {x.size(0), x.size(2)});
  check::same_kind(op, name, reduced, x);
}

void check_not_empty(const char* op, const Tensor& x) {
  if (x.size(1) == 0 && x.size(0) * x.size(2) > 0) fail<ValueError>("{}: an empty set has no maximum", op);
}

}  // namespace

void reduce_sum(const Tensor& x, double divisor, Tensor& y) {
  check_input("reduce_sum", x);
  check_reduced("reduce_sum", "y", x, y);
  DIVVY_BACKEND(x, reduce_sum)(x, divisor, y);
}

void reduce_sum_backward(const Tensor& dy, double divisor, Tensor& dx) {
  check_input("reduce_sum_backward", dx);
  check_reduced("reduce_sum_backward", "dy", dx, dy);
  DIVVY_BACKEND(dy, reduce_sum_backward)(dy, divisor, dx);
}

void reduce_max(const Tensor& x, Tensor& y) {
  check_input("reduce_max", x);
  check_reduced("reduce_max", "y", x, y);
  check_not_empty("reduce_max", x);
  DIVVY_BACKEND(x, reduce_max)(x, y);
}

void reduce_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  check_input("reduce_max_backward", x);
  check_reduced("reduce_max_backward", "y", x, y);
  check_reduced("reduce_max_backward", "dy", x, dy);
  check::same("reduce_max_backward", "dx", dx, x);
  DIVVY_BACKEND(x, reduce_max_backward)(x, y, dy, dx);
}

void reduce_argmax(const Tensor& x, Tensor& y) {
  check_input("reduce_argmax", x);
  check::shape("reduce_argmax", "y", y, {x.size(0), x.size(2)});
  check::dtype("reduce_argmax", "y", y, DType::i64);
  check::same_device("reduce_argmax", "y", y, x);
  check_not_empty("reduce_argmax", x);
  DIVVY_BACKEND(x, reduce_argmax)(x, y);
}

void reduce_logsumexp(const Tensor& x, Tensor& y) {
  check_input("reduce_logsumexp", x);
  check_reduced("reduce_logsumexp", "y", x, y);
  DIVVY_BACKEND(x, reduce_logsumexp)(x, y);
}

void reduce_logsumexp_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  check_input("reduce_logsumexp_backward", x);
  check_reduced("reduce_logsumexp_backward", "y", x, y);
  check_reduced("reduce_logsumexp_backward", "dy", x, dy);
  check::same("reduce_logsumexp_backward", "dx", dx, x);
  DIVVY_BACKEND(x, reduce_logsumexp_backward)(x, y, dy, dx);
}

void reduce_var(const Tensor& x, int64_t correction, Tensor& mean, Tensor& y) {
  check_input("reduce_var", x);
  check_reduced("reduce_var", "mean", x, mean);
  check_reduced("reduce_var", "y", x, y);
  DIVVY_BACKEND(x, reduce_var)(x, correction, mean, y);
}

void reduce_var_backward(const Tensor& x, const Tensor& mean, int64_t correction, const Tensor& dy, Tensor& dx) {
  check_input("reduce_var_backward", x);
  check_reduced("reduce_var_backward", "mean", x, mean);
  check_reduced("reduce_var_backward", "dy", x, dy);
  check::same("reduce_var_backward", "dx", dx, x);
  DIVVY_BACKEND(x, reduce_var_backward)(x, mean, correction, dy, dx);
}

}  // namespace divvy::kernels
