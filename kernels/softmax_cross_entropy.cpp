#include "kernels/softmax_cross_entropy.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_arguments(const char* op, const Tensor& x, const Tensor& label, const Tensor& loss) {
  check::floating(op, "x", x);
  check::rank(op, "x", x, 2);
  check::shape(op, "label", label, {x.size(0)});
  check::dtype(op, "label", label, DType::i64);
  check::same_device(op, "label", label, x);
  check::shape(op, "loss", loss, {x.size(0)});
  check::same_kind(op, "loss", loss, x);
  check::indices(op, "label", label, x.size(1));
}

}  // namespace

void softmax_cross_entropy(const Tensor& x, const Tensor& label, Tensor& loss) {
  check_arguments("softmax_cross_entropy", x, label, loss);
  DIVVY_BACKEND(x, softmax_cross_entropy)(x, label, loss);
}

void softmax_cross_entropy_backward(const Tensor& x, const Tensor& label, const Tensor& dloss, Tensor& dx) {
  check_arguments("softmax_cross_entropy_backward", x, label, dloss);
  check::same("softmax_cross_entropy_backward", "dx", dx, x);
  DIVVY_BACKEND(x, softmax_cross_entropy_backward)(x, label, dloss, dx);
}

}  // namespace divvy::kernels
