#include "kernels/adam.h"

#include <cmath>

#include "kernels/optimizer_check.h"

namespace divvy::kernels {

UpdateFactors adam_factors(const AdamUpdate& update) {
  const double t = static_cast<double>(update.step);
  return {update.lr / (1 - std::pow(update.beta1, t)), 1 / std::sqrt(1 - std::pow(update.beta2, t)),
          update.decoupled ? 1 - update.lr * update.weight_decay : 1};
}

void adam(const Tensor& gradient, const AdamUpdate& update, AdamMoments& moments, Tensor& parameter) {
  check::update("adam", gradient, parameter);
  check::not_negative("adam", "lr", update.lr);
  check::decay_rate("adam", "beta1", update.beta1);
  check::decay_rate("adam", "beta2", update.beta2);
  check::not_negative("adam", "eps", update.eps);
  check::not_negative("adam", "weight_decay", update.weight_decay);
  if (update.step < 1) fail<ValueError>("adam: steps are counted from 1, got {}", update.step);
  check::state("adam", "mean", moments.mean, parameter, true);
  check::state("adam", "square", moments.square, parameter, true);
  check::state("adam", "max_square", moments.max_square, parameter, moments.max_square.defined());
  check::rows("adam", update.rows, parameter);
  AdamUpdate checked = update;
  checked.control = check::control("adam", update.control, adam_factors(update), parameter);
  DIVVY_BACKEND(parameter, adam)(gradient, checked, moments, parameter);
}

}  // namespace divvy::kernels
