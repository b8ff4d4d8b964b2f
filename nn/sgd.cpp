#include "nn/sgd.h"

#include "kernels/sgd.h"
#include "tensor/error.h"

namespace divvy::nn {

SGD::SGD(std::vector<ParameterGroup> groups, const SGDOptions& options)
    : Optimizer("SGD", std::move(groups), options.lr, options.weight_decay,
                options.momentum > 0 ? std::vector<std::string>{"velocity"} : std::vector<std::string>{}),
      options_(options) {
  detail::require_not_negative("SGD", "momentum", options.momentum);
  if (options.nesterov && options.momentum == 0) fail<ValueError>("SGD: nesterov needs a momentum above 0");
}

void SGD::update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) {
  Tensor none;
  Tensor& velocity = state.tensors.empty() ? none : state.tensors[0];
  kernels::sgd(gradient,
               {rates.lr, options_.momentum, rates.weight_decay, options_.nesterov, rates.rows, rates.control},
               velocity, value);
}

kernels::UpdateFactors SGD::factors(const Rates& rates, const State&) const {
  return kernels::sgd_factors({.lr = rates.lr});
}

}  // namespace divvy::nn
