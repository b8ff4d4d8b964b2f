#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "autograd/variable.h"
#include "kernels/update_control.h"
#include "nn/module.h"

namespace divvy::nn {

/// Parameters with common settings. Settings left out are taken from the optimizer's options.
struct ParameterGroup {
  std::vector<Variable> parameters;
  std::optional<double> lr = std::nullopt;
  std::optional<double> weight_decay = std::nullopt;
};

/// Updates parameters by their gradients. A parameter without a gradient is skipped: its value, its state and its count
/// of steps stay. A state is made when it is first needed, on the device of its parameter, and follows the parameter to
/// another device at the next step.
///
/// The factors that change from step to step (learning rates, bias corrections) are in device memory; a step writes
/// them before the updates read them. A step recorded in a cuda::Graph contains only the updates: begin_replay() writes
/// their factors before each replay.
///
///     optimizer.step();                                         // an ordinary step makes the states
///     cuda::Graph graph(device, [&] { ...; optimizer.step(); });
///     optimizer.scale_lr(0.5);  optimizer.begin_replay();  graph.replay();
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  Optimizer(const Optimizer&) = delete;
  Optimizer& operator=(const Optimizer&) = delete;

  /// One update of every parameter that has a gradient.
  void step();
  /// The same, but updates only the experts e with rows[e] > 0 of each parameter of E stacked experts; rows: i64 [E].
  /// The gradient of an expert without rows is zero, so for SGD without momentum and weight decay this is the usual
  /// step. With them, and for other optimizers, it is a different method: momentum, moments and decay of an idle expert
  /// pause until it has rows again (its bias correction counts the steps of the whole parameter). The cost of a step is
  /// then proportional to the experts that have rows. Throws ShapeError unless rows is i64 [E], with
  /// the E of every stacked parameter; then nothing has been updated.
  void step(const Tensor& rows);
  void zero_grad();
  /// Call it before each replay of a recorded step: it counts the step for the parameters that the recording updates,
  /// and writes its factors to the device. Other steps may be taken in between. Throws ValueError if no step has been
  /// recorded since the last load_state_dict(), which makes new states.
  void begin_replay();
  /// From now on steps change nothing while `failed`, i64 [1] on the device of the parameters, is not 0
  /// (FiniteWatch::failed()); an undefined tensor ends this.
  void stop_on(Tensor failed) { failed_ = std::move(failed); }
  /// The number of steps taken, replayed ones included.
  int64_t steps() const { return steps_; }

  int64_t group_count() const { return static_cast<int64_t>(groups_.size()); }
  const std::vector<Variable>& parameters(int64_t group = 0) const { return at(group).parameters; }
  /// The learning rate of the next step; schedules multiply initial_lr().
  double lr(int64_t group = 0) const { return at(group).lr; }
  double initial_lr(int64_t group = 0) const { return at(group).initial_lr; }
  double weight_decay(int64_t group = 0) const { return at(group).weight_decay; }
  /// Sets both the current and the initial rate of a group, so that schedules multiply it from now on. Throws
  /// ValueError unless lr is finite and >= 0.
  void set_lr(double lr, int64_t group = 0);
  /// Sets the rate of every group to factor * its initial rate, as a schedule does before each step.
  void scale_lr(double factor);

  /// Everything that resuming needs: the counts of steps, the learning rates and the state of each parameter, named
  /// "<group>.<index>.<state>".
  StateDict state_dict() const;
  /// Throws CheckpointError that lists every missing, unexpected and wrongly shaped entry; then nothing has been
  /// loaded.
  void load_state_dict(const StateDict& state);

 protected:
  /// The state of a parameter: how often it was updated, and tensors of its shape that start at zero.
  struct State {
    int64_t step = 0;
    std::vector<Tensor> tensors;
  };
  /// The settings of a group and, if only experts with rows are updated, the number of rows of each expert.
  struct Rates {
    double lr;
    double weight_decay;
    Tensor rows;
    kernels::UpdateControl control = {};
  };

  /// `state_names` are the names of a State's tensors in the dictionary. Throws ValueError if there are no parameters,
  /// if one is undefined, not a leaf or given twice, and for rates out of range.
  Optimizer(std::string name, std::vector<ParameterGroup> groups, double lr, double weight_decay,
            std::vector<std::string> state_names);

  /// Updates one parameter by its gradient, or only its experts with rows. state.step is 1 at the first update.
  virtual void update(const Tensor& gradient, const Rates& rates, State& state, Tensor& value) = 0;
  /// The factors that update() derives from the rates and state.step.
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
  using Place = std::pair<Group*, size_t>;  ///< locates a parameter

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
  std::vector<Place> recorded_;  ///< the parameters of the last recorded step, if it uses the current states
  Tensor factors_;               ///< f64 [parameters, kUpdateFactors] on the device, in the order of the updates
};

namespace detail {
/// Throws ValueError unless `value` is finite and not negative.
void require_not_negative(const std::string& optimizer, const char* name, double value);
/// Throws ValueError unless `value` is in [0, 1).
void require_decay_rate(const std::string& optimizer, const char* name, double value);
}  // namespace detail

}  // namespace divvy::nn
