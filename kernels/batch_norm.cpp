#include "kernels/batch_norm.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// Checks x, the gamma [E, C] that goes with it and the segments; returns [E, C].
Shape check_input(const char* op, const Tensor& x, const Tensor& gamma, const Segments& segments) {
  check::floating(op, "x", x);
  if (x.rank() != 2 && x.rank() != 4) fail<ShapeError>("{}: x must be [N, C] or [N, C, H, W], got {}", op, x.shape());
  check::rank(op, "gamma", gamma, 2);
  const Shape stack{gamma.size(0), x.size(1)};
  check::shape(op, "gamma", gamma, stack);
  check::same_kind(op, "gamma", gamma, x);
  if (segments.sample.defined()) {
    fail<ValueError>("{}: segments.sample belongs to the first layer of a stack, which gathers the rows; clear it", op);
  }
  check_segments(op, segments, stack[0], x.size(0), x.device());
  return stack;
}

void check_like(const char* op, const char* name, const Tensor& t, const Shape& shape, const Tensor& like) {
  check::shape(op, name, t, shape);
  check::same_kind(op, name, t, like);
}

void check_saved(const char* op, const BatchNormResult& saved, const Shape& stack, const Tensor& x) {
  for (const Tensor& t : {saved.mean, saved.inverse_std}) {
    check::shape(op, "a saved statistic", t, stack);
    check::dtype(op, "a saved statistic", t, DType::f64);
    check::same_device(op, "a saved statistic", t, x);
  }
}

}  // namespace

void batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, BatchNormStatistics& running,
                const BatchNormOptions& options, const Segments& segments, BatchNormResult& result) {
  const char* op = "batch_norm";
  const Shape stack = check_input(op, x, gamma, segments);
  check_like(op, "beta", beta, stack, x);
  check_like(op, "the running mean", running.mean, stack, x);
  check_like(op, "the running variance", running.var, stack, x);
  if (!(options.momentum >= 0 && options.momentum <= 1)) {
    fail<ValueError>("{}: momentum must be in [0, 1], got {}", op, options.momentum);
  }
  if (!(options.eps > 0)) fail<ValueError>("{}: eps must be positive, got {}", op, options.eps);
  check::same(op, "y", result.y, x);
  check_saved(op, result, stack, x);
  DIVVY_BACKEND(x, batch_norm)(x, gamma, beta, running, options, segments, result);
}

void batch_norm_backward(const Tensor& x, const Tensor& gamma, const BatchNormResult& saved, const Tensor& dy,
                         bool training, const Segments& segments, BatchNormGradients& gradients) {
  const char* op = "batch_norm_backward";
  const Shape stack = check_input(op, x, gamma, segments);
  check_saved(op, saved, stack, x);
  check::same(op, "dy", dy, x);
  if (gradients.dx.defined()) check::same(op, "dx", gradients.dx, x);
  if (gradients.dgamma.defined()) check_like(op, "dgamma", gradients.dgamma, stack, x);
  if (gradients.dbeta.defined()) check_like(op, "dbeta", gradients.dbeta, stack, x);
  DIVVY_BACKEND(x, batch_norm_backward)(x, gamma, saved, dy, training, segments, gradients);
}

}  // namespace divvy::kernels
