#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "kernels/update_control.h"
#include "nn/module.h"

namespace divvy::nn {

/// Parameters that learn alike. What is left out is taken from the optimizer's options.
struct ParameterGroup {
  std::vector<Variable> parameters;
  std::optional<double> lr = std::nullopt;
  std::optional<double> weight_decay = std::nullopt;
};

/// Changes parameters along their gradients. A parameter without a gradient is passed over: its value, its state and
/// its own count of steps stay. States are made when they are first needed, on the device of the parameter, and follow
/// it to another one with the next step.
///
/// What changes from step to step (learning rates, corrections of moments) lies in the memory of the device, where a
/// step puts it before the updates read it. One that is recorded for a cuda::Graph has the updates alone:
/// begin_replay() puts their numbers there ahead of each replay.
///
///     optimizer.step();                                         // once as usual: it makes the states
///     cuda::Graph graph(device, [&] { ...; optimizer.step(); });
///     optimizer.scale_lr(0.5);  optimizer.begin_replay();  graph.replay();
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient.
  void step();
  /// The same, but of a parameter of E stacked experts only the experts e with rows[e] > 0 are updated; rows: i64 [E].
  /// For an expert without rows the gradient is zero, so for SGD without momentum and weight decay this is the usual
  /// step; with them, and for the other optimizers, it is another method: the momentum, the moments and the decay of an
  /// idle expert wait until it has rows again (and its bias correction goes by the steps of the whole parameter). What
  /// a step costs then follows the experts that were chosen. Throws ShapeError unless rows is i64 [E].
  void step(const Tensor& rows);
  void zero_grad();
  /// Counts the step that a replay of the recorded one will take, of the parameters that were updated in the recording,
  /// and puts its numbers into the memory of the device. Throws ValueError where no step was recorded since the
  /// last load_state_dict(), which makes new states. Other steps may be taken in between.
  void begin_replay();
  /// From now on no step changes anything while `failed`, i64 [1] on the device of the parameters, holds anything but 0
  /// (FiniteWatch::failed()); an undefined tensor takes that back.
  void stop_on(Tensor failed) { failed_ = std::move(failed); }
  /// How often step() was called.
  int64_t steps() const { return steps_; }

  int64_t group_count() const { return static_cast<int64_t>(groups_.size()); }
  const std::vector<Variable>& parameters(int64_t group = 0) const { return at(group).parameters; }
  /// The learning rate that the next step uses, and the one that schedules multiply.
  double lr(int64_t group = 0) const { return at(group).lr; }
  double initial_lr(int64_t group = 0) const { return at(group).initial_lr; }
  double weight_decay(int64_t group = 0) const { return at(group).weight_decay; }
  /// Sets the rate of one group, for good: schedules multiply it from now on. Throws ValueError unless lr is finite and
  /// >= 0.
  void set_lr(double lr, int64_t group = 0);
  /// Sets the rate of every group to factor * its initial rate; what a schedule does before each step.
  void scale_lr(double factor);

  /// What resuming needs: the counts of steps, the learning rates and the state of each parameter, called
  /// "<group>.<index>.<state>".
  StateDict state_dict() const;
  /// Throws CheckpointError that lists every missing, unexpected and wrongly shaped entry; then nothing has been
  /// loaded.
  void load_state_dict(const StateDict& state);

 protected:
  /// What an optimizer keeps for a parameter: how often it was updated, and tensors of its shape that start at zero.
  struct State {
    int64_t step = 0;
    std::vector<Tensor> tensors;
  };
  /// The numbers of a group, and the rows of the experts of a stacked parameter where only those with rows are updated.
  struct Rates {
    double lr;
    double weight_decay;
    Tensor rows;
    kernels::UpdateControl control = {};
  };

  /// `state_names`: what the tensors of each State are called in the dictionary.
  /// Throws ValueError for no parameters, for one that is undefined, no leaf or given twice, and for rates out of
  /// range.
  Optimizer(std::string name, std::vector<ParameterGroup> groups, double lr, double weight_decay,
            std::vector<std::string> state_names);

  /// Updates one parameter by its gradient, or the part of it that belongs to the experts with rows. state.step counts
  /// from 1 here.
  virtual void update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) = 0;
  /// What update() would compute of the rates and of state.step.
  virtual kernels::UpdateFactors factors(const Rates& rates, const State& state) const = 0;

 private:
  struct Group {
    std::vector<Variable> parameters;
    std::vector<State> states;
    double initial_lr;
    double lr;
    double weight_decay;
  };

  const Group& at(int64_t group) const;
  using Place = std::pair<Group*, size_t>;  ///< of a parameter

  void step(const Tensor* rows);
  void prepare_states(const std::vector<Place>& places, Device device, bool recording);
  void advance(const std::vector<Place>& places);
  void update_one(const Place& place, const Tensor& factors, const Tensor* rows);
  void require_parameter(const Variable& parameter) const;
  void load_group(Group& group, const std::string& name, const StateDict& state) const;

  std::string name_;
  std::vector<Group> groups_;
  std::vector<std::string> state_names_;
  int64_t steps_ = 0;
  Tensor failed_;
  std::vector<Place> recorded_;  ///< the parameters of the last step that was recorded with the states of now
  Tensor factors_;               ///< f64 [parameters, kUpdateFactors] on their device, in the order of a step's updates
};

namespace detail {
/// Throws ValueError unless `value` is finite and not negative.
void require_not_negative(const std::string& optimizer, const char* name, double value);
/// Throws ValueError unless `value` is in [0, 1).
void require_decay_rate(const std::string& optimizer, const char* name, double value);
}  // namespace detail

}  // namespace divvy::nn
