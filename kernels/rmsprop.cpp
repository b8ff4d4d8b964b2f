#include "kernels/rmsprop.h"

#include "kernels/optimizer_check.h"

namespace divvy::kernels {

UpdateFactors rmsprop_factors(const RmspropUpdate& update) { return {update.lr}; }

void rmsprop(const Tensor& gradient, const RmspropUpdate& update, Tensor& square, Tensor& velocity, Tensor& parameter) {
  check::update("rmsprop", gradient, parameter);
  check::not_negative("rmsprop", "lr", update.lr);
  check::decay_rate("rmsprop", "alpha", update.alpha);
  check::not_negative("rmsprop", "eps", update.eps);
  check::not_negative("rmsprop", "weight_decay", update.weight_decay);
  check::not_negative("rmsprop", "momentum", update.momentum);
  check::state("rmsprop", "square", square, parameter, true);
  check::state("rmsprop", "velocity", velocity, parameter, update.momentum > 0);
  check::rows("rmsprop", update.rows, parameter);
  RmspropUpdate checked = update;
  checked.control = check::control("rmsprop", update.control, rmsprop_factors(update), parameter);
  DIVVY_BACKEND(parameter, rmsprop)(gradient, checked, square, velocity, parameter);
}

}  // namespace divvy::kernels
