#pragma once

#include <array>
#include <memory>
#include <optional>
#include <string>

#include "autograd/finite_watch.h"
#include "moe/training/epoch_sums.h"
#include "moe/training/train_step.h"

namespace divvy::cuda {
class Graph;
}

namespace divvy::moe {

/// Why the steps of a stage cannot be recorded as a CUDA graph and replayed, or "" if they can: random draws and
/// decisions of the host would be the same in each replay, and a graph cannot contain operations for which the host
/// waits.
std::string graph_obstacle(const Model& model, const Stage& stage);

/// Takes the training steps of a stage, one for each batch. No step waits for a GPU: its results are added to `sums`,
/// and `watch` records what backward() would throw.
///
/// With `cuda_graph` the first step runs eagerly and the second is recorded; from then on each batch of the same shapes
/// is copied into the inputs of the recorded step, which is replayed. A batch of other shapes, such as the last one of
/// an epoch, runs eagerly; a new temperature needs a new recording.
class Stepper {
 public:
  struct Options {
    bool cuda_graph = false;             ///< has no effect on the CPU
    bool accuracy_after_update = false;  ///< see TrainerOptions
    RoutingOptions evaluation = {};      ///< routing for that accuracy
  };

  /// The arguments must outlive the stepper. `watch` is nullptr on the CPU, where errors are thrown immediately.
  Stepper(Model& model, const Stage& stage, nn::Optimizer& optimizer, Generator& generator, EpochSums& sums,
          FiniteWatch* watch, const Options& options);
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  void step(const Tensor& x, const Supervision& known);

  /// The number of replayed steps.
  int64_t replays() const { return replays_; }
  /// Why steps are not replayed; "" if they are, or if `cuda_graph` is off.
  const std::string& obstacle() const { return obstacle_; }

 private:
  static constexpr size_t kInputs = 5;
  using Shapes = std::array<std::optional<Shape>, kInputs>;

  struct Inputs {
    Tensor x;
    Supervision known;
    std::array<Tensor*, kInputs> tensors();
    Shapes shapes();
  };

  void take(const Tensor& x, const Supervision& known);
  bool record(Inputs& batch);

  Model& model_;
  const Stage& stage_;
  nn::Optimizer& optimizer_;
  Generator& generator_;
  EpochSums& sums_;
  FiniteWatch* watch_;
  Options options_;
  std::string obstacle_;
  std::optional<Shapes> first_;  ///< shapes of the first batch
  double temperature_ = 0;       ///< temperature of the recorded step
  Inputs inputs_;                ///< inputs of the recorded step
  std::unique_ptr<cuda::Graph> graph_;
  int64_t replays_ = 0;
};

}  // namespace divvy::moe
