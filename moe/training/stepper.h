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

/// Why the steps of a stage cannot be recorded as a CUDA graph and replayed, or "": what is drawn at random or decided
/// by the host would be the same in each replay, and what the host waits for cannot be part of one.
std::string graph_obstacle(const Model& model, const Stage& stage);

/// Makes the steps of a stage, one batch after the other. On a GPU none of them waits for it: what a step gives is
/// added to `sums`, and what backward() would throw is kept by `watch`.
///
/// With `cuda_graph` the first step is taken as usual, the second is recorded, and from then on each batch of the same
/// shapes is copied to where the recorded step reads it, and the step is replayed. A batch of other shapes, as the last
/// one of an epoch, is taken as usual; a new temperature is recorded anew.
class Stepper {
 public:
  struct Options {
    bool cuda_graph = false;             ///< of effect on a GPU
    bool accuracy_after_update = false;  ///< see TrainerOptions
    RoutingOptions evaluation = {};      ///< of that accuracy
  };

  /// All of them must live longer. `watch` is nullptr on the CPU, where errors are thrown at once.
  Stepper(Model& model, const Stage& stage, nn::Optimizer& optimizer, Generator& generator, EpochSums& sums,
          FiniteWatch* watch, const Options& options);
  ~Stepper();
  Stepper(const Stepper&) = delete;
  Stepper& operator=(const Stepper&) = delete;

  void step(const Tensor& x, const Supervision& known);

  /// How many steps were replayed.
  int64_t replays() const { return replays_; }
  /// Why none are; "" where steps are recorded, or nobody asked for it.
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
  std::optional<Shapes> first_;  ///< of the first batch
  double temperature_ = 0;       ///< of the recorded step
  Inputs inputs_;                ///< what the recorded step reads
  std::unique_ptr<cuda::Graph> graph_;
  int64_t replays_ = 0;
};

}  // namespace divvy::moe
