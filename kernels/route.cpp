#include "kernels/route.h"

#include "kernels/check.h"
#include "kernels/counting_sort.h"
#include "kernels/softmax.h"

namespace divvy::kernels {

void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities, Tensor& experts,
                 Tensor& weights, Tensor& counts) {
  constexpr const char* op = "route_top_k";
  check::floating(op, "scores", scores);
  check::rank(op, "scores", scores, 2);
  check::same(op, "probabilities", probabilities, scores);
  check::rank(op, "experts", experts, 2);
  const int64_t k = experts.size(1), count = scores.size(1);
  check::shape(op, "experts", experts, {scores.size(0), k});
  check::dtype(op, "experts", experts, DType::i64);
  check::same_device(op, "experts", experts, scores);
  check::shape(op, "weights", weights, experts.shape());
  check::same_kind(op, "weights", weights, scores);
  if (k < 1 || k > count) fail<ValueError>("{}: k must be in [1, {}], got {}", op, count, k);
  check::temperature(op, temperature);
  check::counts(op, counts, count, scores);
  DIVVY_BACKEND(scores, route_top_k)(scores, temperature, among_chosen, probabilities, experts, weights, counts);
}

}  // namespace divvy::kernels
