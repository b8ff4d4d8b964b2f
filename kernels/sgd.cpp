#include "kernels/sgd.h"

#include "kernels/check.h"
#include "kernels/optimizer_check.h"

namespace divvy::kernels {

UpdateFactors sgd_factors(const SgdUpdate& update) { return {update.lr}; }

void sgd(const Tensor& gradient, const SgdUpdate& update, Tensor& velocity, Tensor& parameter) {
  check::update("sgd", gradient, parameter);
  check::not_negative("sgd", "lr", update.lr);
  check::not_negative("sgd", "momentum", update.momentum);
  check::not_negative("sgd", "weight_decay", update.weight_decay);
  if (update.nesterov && update.momentum == 0) fail<ValueError>("sgd: nesterov needs a momentum above 0");
  check::state("sgd", "velocity", velocity, parameter, update.momentum > 0);
  check::rows("sgd", update.rows, parameter);
  SgdUpdate checked = update;
  checked.control = check::control("sgd", update.control, sgd_factors(update), parameter);
  DIVVY_BACKEND(parameter, sgd)(gradient, checked, velocity, parameter);
}

}  // namespace divvy::kernels
