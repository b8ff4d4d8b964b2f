#include "kernels/pairwise_distance.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void check_arguments(const char* op, const Tensor& x, const char* name, const Tensor& distance) {
  check::floating(op, "x", x);
  check::min_rank(op, "x", x, 1);
  check::shape(op, name, distance, {x.size(0), x.size(0)});
  check::same_kind(op, name, distance, x);
}

}  // namespace

void pairwise_distance(const Tensor& x, Tensor& distance) {
  check_arguments("pairwise_distance", x, "distance", distance);
  DIVVY_BACKEND(x, pairwise_distance)(x, distance);
}

void pairwise_distance_backward(const Tensor& x, const Tensor& distance, const Tensor& dy, Tensor& dx) {
  check_arguments("pairwise_distance_backward", x, "distance", distance);
  check_arguments("pairwise_distance_backward", x, "dy", dy);
  check::same("pairwise_distance_backward", "dx", dx, x);
  DIVVY_BACKEND(x, pairwise_distance_backward)(x, distance, dy, dx);
}

}  // namespace divvy::kernels
