#include "nn/rmsprop.h"

#include "kernels/rmsprop.h"

namespace divvy::nn {

RMSprop::RMSprop(std::vector<ParameterGroup> groups, const RMSpropOptions& options)
    : Optimizer(
          "RMSprop", std::move(groups), options.lr, options.weight_decay,
          options.momentum > 0 ? std::vector<std::string>{"square", "velocity"} : std::vector<std::string>{"square"}),
      options_(options) {
  detail::require_decay_rate("RMSprop", "alpha", options.alpha);
  detail::require_not_negative("RMSprop", "eps", options.eps);
  detail::require_not_negative("RMSprop", "momentum", options.momentum);
}

void RMSprop::update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) {
  Tensor none;
  Tensor& velocity = state.tensors.size() < 2 ? none : state.tensors[1];
  kernels::rmsprop(gradient,
                   {.lr = rates.lr,
                    .alpha = options_.alpha,
                    .eps = options_.eps,
                    .weight_decay = rates.weight_decay,
                    .momentum = options_.momentum,
                    .rows = rates.rows,
                    .control = rates.control},
                   state.tensors[0], velocity, value);
}

kernels::UpdateFactors RMSprop::factors(const Rates& rates, const State&) const {
  return kernels::rmsprop_factors({.lr = rates.lr});
}

}  // namespace divvy::nn
