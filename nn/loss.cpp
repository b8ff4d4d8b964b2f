#include "nn/loss.h"

#include <cmath>

#include "autograd/ops/binary.h"
#include "autograd/ops/pick.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax_cross_entropy.h"
#include "autograd/ops/unary.h"
#include "kernels/check.h"

namespace divvy::nn {

namespace {

void require_labels(const char* loss, const char* input, const Variable& x, const Tensor& labels) {
  kernels::check::floating(loss, input, x.value());
  kernels::check::rank(loss, input, x.value(), 2);
  kernels::check::shape(loss, "labels", labels, {x.size(0)});
  kernels::check::indices(loss, "labels", labels, x.size(1));
}

}  // namespace

Variable reduce(const char* loss, const Variable& losses, Reduction reduction) {
  if (reduction == Reduction::none) return losses;
  if (reduction == Reduction::sum) return sum(losses);
  if (losses.value().numel() == 0) fail<ValueError>("{}: an empty batch has no mean; ask for the sum", loss);
  return mean(losses);
}

Variable cross_entropy(const Variable& logits, const Tensor& labels, Reduction reduction) {
  require_labels("cross_entropy", "logits", logits, labels);
  return reduce("cross_entropy", softmax_cross_entropy(logits, labels), reduction);
}

Variable nll(const Variable& log_probabilities, const Tensor& labels, Reduction reduction) {
  require_labels("nll", "log_probabilities", log_probabilities, labels);
  return reduce("nll", neg(pick(log_probabilities, labels)), reduction);
}

Variable cross_entropy_from_probabilities(const Variable& probabilities, const Tensor& labels, Reduction reduction,
                                          double eps) {
  constexpr const char* name = "cross_entropy_from_probabilities";
  if (!(eps >= 0) || !std::isfinite(eps))
    fail<ValueError>("{}: eps must be finite and not negative, got {}", name, eps);
  require_labels(name, "probabilities", probabilities, labels);
  return reduce(name, neg(log(pick(probabilities, labels) + eps)), reduction);
}

Variable mse(const Variable& prediction, const Variable& target, Reduction reduction) {
  kernels::check::floating("mse", "prediction", prediction.value());
  kernels::check::same("mse", "target", target.value(), prediction.value());
  return reduce("mse", square(prediction - target), reduction);
}

}  // namespace divvy::nn
