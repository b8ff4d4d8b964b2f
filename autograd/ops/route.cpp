#include "autograd/ops/route.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/counting_sort.h"
#include "kernels/gather_last.h"
#include "kernels/route.h"
#include "kernels/softmax.h"
#include "tensor/error.h"

namespace divvy {

RoutedTopK route_top_k(const Variable& scores, int64_t k, double temperature, bool among_chosen) {
  kernels::check::rank("route_top_k", "scores", scores.value(), 2);
  const Shape& shape = scores.shape();
  if (k < 1 || k > shape[1]) fail<ValueError>("route_top_k: k must be in [1, {}], got {}", shape[1], k);
  Tensor probabilities = Tensor::empty_like(scores.value());
  Tensor experts = Tensor::empty({shape[0], k}, DType::i64, scores.device());
  Tensor weights = Tensor::empty(experts.shape(), scores.dtype(), scores.device());
  RoutedTopK result;
  result.counts = kernels::counts_buffer(shape[0], k, shape[1], scores.device());
  kernels::route_top_k(scores.value(), temperature, among_chosen, probabilities, experts, weights, result.counts);
  // A probability of 0 makes the gradient of a softmax 0: an expert that was passed over learns nothing by it.
  result.probabilities = record("route_top_k", probabilities, {scores},
                                [probabilities = Saved(probabilities), temperature](const Tensor& dy, Gradients& dx) {
                                  dx[0] = Tensor::empty_like(dy);
                                  kernels::softmax_backward(probabilities.get(), dy, temperature, dx[0]);
                                });
  result.weights = record("route_top_k", weights, {result.probabilities},
                          [experts = Saved(experts), shape](const Tensor& dy, Gradients& dx) {
                            dx[0] = Tensor::empty(shape, dy.dtype(), dy.device());
                            kernels::gather_last_backward(experts.get(), dy, dx[0]);
                          });
  result.experts = std::move(experts);
  return result;
}

}  // namespace divvy
