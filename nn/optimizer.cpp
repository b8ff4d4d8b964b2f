#include "nn/optimizer.h"

#include <algorithm>
#include <cmath>

#include "nn/state_check.h"
#include "tensor/error.h"
#include "tensor/graph.h"

namespace divvy::nn {

namespace detail {

void require_not_negative(const std::string& optimizer, const char* name, double value) {
  if (!(value >= 0) || !std::isfinite(value)) {
    fail<ValueError>("{}: {} must be finite and not negative, got {}", optimizer, name, value);
  }
}

void require_decay_rate(const std::string& optimizer, const char* name, double value) {
  if (!(value >= 0 && value < 1)) fail<ValueError>("{}: {} must be in [0, 1), got {}", optimizer, name, value);
}

}  // namespace detail

namespace {

/// A parameter that was never updated has no state tensors in the dictionary.
bool has_been_updated(const StateDict& state, const std::string& prefix) {
  const auto step = state.find(prefix + "step");
  if (step == state.end() || !step->second.defined() || step->second.dtype() != DType::i64) return false;
  return step->second.numel() == 1 && step->second.item() > 0;
}

}  // namespace

Optimizer::Optimizer(std::string name, std::vector<ParameterGroup> groups, double lr, double weight_decay,
                     std::vector<std::string> state_names)
    : name_(std::move(name)), state_names_(std::move(state_names)) {
  for (ParameterGroup& given : groups) {
    const double own_lr = given.lr.value_or(lr);
    groups_.push_back({{}, {}, own_lr, own_lr, given.weight_decay.value_or(weight_decay)});
    Group& group = groups_.back();
    detail::require_not_negative(name_, "lr", group.lr);
    detail::require_not_negative(name_, "weight_decay", group.weight_decay);
    for (Variable& parameter : given.parameters) {
      require_parameter(parameter);
      group.parameters.push_back(std::move(parameter));
    }
    group.states.resize(group.parameters.size());
  }
  const auto empty = [](const Group& group) { return group.parameters.empty(); };
  if (std::all_of(groups_.begin(), groups_.end(), empty)) fail<ValueError>("{}: no parameters were given", name_);
}

void Optimizer::require_parameter(const Variable& parameter) const {
  if (!parameter.defined()) fail<ValueError>("{}: a parameter is undefined", name_);
  if (!parameter.is_leaf()) fail<ValueError>("{}: a parameter is the result of an operation, not a leaf", name_);
  for (const Group& group : groups_) {
    for (const Variable& other : group.parameters) {
      if (other.is(parameter)) fail<ValueError>("{}: parameter '{}' is given twice", name_, parameter.name());
    }
  }
}

void Optimizer::step() { step(nullptr); }

void Optimizer::step(const Tensor& rows) {
  if (rows.shape().rank() != 1 || rows.dtype() != DType::i64) {
    fail<ShapeError>("{}: the rows of the experts must be i64 [E], got {} {}", name_, rows.dtype(), rows.shape());
  }
  for (const Group& group : groups_) {
    for (const Variable& parameter : group.parameters) {
      if (parameter.parts() == 0 || parameter.parts() == rows.numel()) continue;
      fail<ShapeError>("{}: rows of {} experts for '{}', which has {}", name_, rows.numel(), parameter.name(),
                       parameter.parts());
    }
  }
  step(&rows);
}

void Optimizer::step(const Tensor* rows) {
  const auto all = std::ranges::find_if(groups_, [](const Group& group) { return !group.parameters.empty(); });
  const Device device = all->parameters.front().device();
  const bool recording = device.is_cuda() && cuda::recording(device.index);
  if (recording) recorded_.clear();
  std::vector<Place> places;
  for (Group& group : groups_) {
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      if (group.parameters[i].grad().defined()) places.emplace_back(&group, i);
    }
  }
  prepare_states(places, device, recording);
  if (!recording) advance(places);
  for (size_t i = 0; i < places.size(); ++i) update_one(places[i], factors_[static_cast<int64_t>(i)], rows);
  if (recording) recorded_ = std::move(places);
}

/// Makes the missing states of the parameters to update and moves all to the parameters' device. A recorded step must
/// find them there, since tensors made during a recording share memory with others of the replay.
void Optimizer::prepare_states(const std::vector<Place>& places, Device device, bool recording) {
  const bool ready = factors_.defined() && factors_.device() == device;
  for (const auto& [group, index] : places) {
    const Variable& parameter = group->parameters[index];
    State& state = group->states[index];
    if (recording && (!ready || state.step == 0)) {
      fail<DeviceError>("{}: '{}' has not been updated yet; take a step before one is recorded", name_,
                        parameter.name());
    }
    if (state.tensors.empty()) {
      for (size_t n = 0; n < state_names_.size(); ++n) state.tensors.push_back(Tensor::zeros_like(parameter.value()));
    }
    for (Tensor& tensor : state.tensors) {
      if (tensor.device() != parameter.device()) tensor = tensor.to(parameter.device());
    }
  }
  if (ready || recording) return;
  size_t count = 0;
  for (const Group& group : groups_) count += group.parameters.size();
  factors_ = Tensor::empty({static_cast<int64_t>(count), kernels::kUpdateFactors}, DType::f64, device);
}

/// Counts a step of the parameters to update and copies its factors to the device.
void Optimizer::advance(const std::vector<Place>& places) {
  Tensor next = Tensor::zeros(factors_.shape(), DType::f64);
  double* to = next.mutable_data<double>();
  for (const auto& [group, index] : places) {
    State& state = group->states[index];
    ++state.step;
    to = std::ranges::copy(factors({group->lr, group->weight_decay, {}}, state), to).out;
  }
  factors_.copy_from(next);
  ++steps_;
}

void Optimizer::update_one(const Place& place, const Tensor& factors, const Tensor* rows) {
  const auto& [group, index] = place;
  Variable& parameter = group->parameters[index];
  Rates rates{group->lr, group->weight_decay, {}, {.factors = factors, .failed = failed_}};
  if (rows != nullptr && parameter.parts() > 0) rates.rows = rows->to(parameter.device());
  update(parameter.grad(), rates, group->states[index], parameter.mutable_value());
}

void Optimizer::begin_replay() {
  if (recorded_.empty()) fail<ValueError>("{}: no step was recorded that could be replayed", name_);
  advance(recorded_);
  for (const auto& [group, index] : recorded_) group->parameters[index].mutable_value().mark_changed();
}

void Optimizer::zero_grad() {
  for (Group& group : groups_) {
    for (Variable& parameter : group.parameters) parameter.zero_grad();
  }
}

const Optimizer::Group& Optimizer::at(int64_t group) const {
  if (group < 0 || group >= group_count()) {
    fail<ValueError>("{}: no parameter group {}, there are {}", name_, group, group_count());
  }
  return groups_[static_cast<size_t>(group)];
}

void Optimizer::set_lr(double lr, int64_t group) {
  detail::require_not_negative(name_, "lr", lr);
  at(group);
  groups_[static_cast<size_t>(group)].initial_lr = groups_[static_cast<size_t>(group)].lr = lr;
}

void Optimizer::scale_lr(double factor) {
  detail::require_not_negative(name_, "the factor of the learning rate", factor);
  for (Group& group : groups_) group.lr = factor * group.initial_lr;
}

StateDict Optimizer::state_dict() const {
  StateDict state{{"steps", Tensor::from({steps_}, {})}};
  for (size_t g = 0; g < groups_.size(); ++g) {
    const Group& group = groups_[g];
    state.emplace(fmt::format("{}.lr", g), Tensor::from({group.lr, group.initial_lr}));
    for (size_t i = 0; i < group.parameters.size(); ++i) {
      const State& own = group.states[i];
      state.emplace(fmt::format("{}.{}.step", g, i), Tensor::from({own.step}, {}));
      for (size_t n = 0; n < own.tensors.size(); ++n) {
        state.emplace(fmt::format("{}.{}.{}", g, i, state_names_[n]), own.tensors[n].clone());
      }
    }
  }
  return state;
}

void Optimizer::load_state_dict(const StateDict& state) {
  std::vector<detail::ExpectedEntry> expected{{"steps", {}, DType::i64}};
  for (size_t g = 0; g < groups_.size(); ++g) {
    expected.push_back({fmt::format("{}.lr", g), {2}, DType::f64});
    for (size_t i = 0; i < groups_[g].parameters.size(); ++i) {
      const std::string prefix = fmt::format("{}.{}.", g, i);
      expected.push_back({prefix + "step", {}, DType::i64});
      if (!has_been_updated(state, prefix)) continue;
      const Tensor& value = groups_[g].parameters[i].value();
      for (const std::string& name : state_names_) expected.push_back({prefix + name, value.shape(), value.dtype()});
    }
  }
  const std::string problems = detail::state_problems(expected, state);
  if (!problems.empty()) fail<CheckpointError>("the state does not fit {}; {}nothing was loaded", name_, problems);

  recorded_.clear();  // a recorded step still writes to the old states
  steps_ = state.at("steps").values<int64_t>()[0];
  for (size_t g = 0; g < groups_.size(); ++g) load_group(groups_[g], std::to_string(g), state);
}

void Optimizer::load_group(Group& group, const std::string& name, const StateDict& state) const {
  const auto rates = state.at(name + ".lr").values<double>();
  group.lr = rates[0];
  group.initial_lr = rates[1];
  for (size_t i = 0; i < group.parameters.size(); ++i) {
    const std::string prefix = fmt::format("{}.{}.", name, i);
    State& own = group.states[i];
    own = {state.at(prefix + "step").values<int64_t>()[0], {}};
    if (!has_been_updated(state, prefix)) continue;
    for (const std::string& tensor : state_names_) {
      own.tensors.push_back(state.at(prefix + tensor).clone().to(group.parameters[i].device()));
    }
  }
}

}  // namespace divvy::nn
