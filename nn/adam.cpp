#include "nn/adam.h"

namespace divvy::nn {

Adam::Adam(const std::string& name, std::vector<ParameterGroup> groups, const AdamOptions& options, bool decoupled)
    : Optimizer(name, std::move(groups), options.lr, options.weight_decay,
                options.amsgrad ? std::vector<std::string>{"mean", "square", "max_square"}
                                : std::vector<std::string>{"mean", "square"}),
      options_(options),
      decoupled_(decoupled) {
  detail::require_decay_rate(name, "beta1", options.beta1);
  detail::require_decay_rate(name, "beta2", options.beta2);
  detail::require_not_negative(name, "eps", options.eps);
}

void Adam::update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) {
  kernels::AdamMoments moments{state.tensors[0], state.tensors[1], options_.amsgrad ? state.tensors[2] : Tensor()};
  kernels::adam(gradient, update_of(rates, state), moments, value);
}

kernels::UpdateFactors Adam::factors(const Rates& rates, const State& state) const {
  return kernels::adam_factors(update_of(rates, state));
}

kernels::AdamUpdate Adam::update_of(const Rates& rates, const State& state) const {
  return {.lr = rates.lr,
          .beta1 = options_.beta1,
          .beta2 = options_.beta2,
          .eps = options_.eps,
          .weight_decay = rates.weight_decay,
          .decoupled = decoupled_,
          .step = state.step,
          .rows = rates.rows,
          .control = rates.control};
}

AdamW::AdamW(std::vector<ParameterGroup> groups, const AdamWOptions& options)
    : Adam("AdamW", std::move(groups),
           {options.lr, options.beta1, options.beta2, options.eps, options.weight_decay, options.amsgrad}, true) {}

}  // namespace divvy::nn
