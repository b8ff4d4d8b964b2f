#pragma once

#include <functional>
#include <memory>
#include <string>

#include "datasets/dataset.h"
#include "datasets/gather.h"
#include "moe/analysis/metrics.h"
#include "moe/model/model.h"
#include "moe/training/recipe.h"
#include "moe/training/train_step.h"

namespace divvy::moe {

struct TrainerOptions {
  int64_t batch = 512;
  uint64_t seed = 42;              ///< of the order of the samples, of augmentation and of sampled routing
  int64_t batch_limit = 0;         ///< batches of an epoch, and of an evaluation; 0: all
  RoutingOptions evaluation = {};  ///< how samples are routed where the model does not learn
  data::Augmentation augment = {};
  bool augment_validation = false;     ///< the validation part is augmented as well
  bool accuracy_after_update = false;  ///< of the training part, from a second pass after each step, as in evaluation
  /// Puts a model into the mode in which it is evaluated. One that lets dropout go on samples from an ensemble (Gal and
  /// Ghahramani 2016), one that lets batch norms use the batch adapts to it (Nado et al. 2020).
  std::function<void(Model&)> evaluation_mode = [](Model& model) { model.eval(); };
  /// Of the validation part of a classification, as EpochReport gives it.
  std::function<double(const Record&)> validation_accuracy = accuracy;

  // These change how a GPU works, and never what it computes.
  bool resident_data = true;  ///< the training part stays in its memory where it fits; see data::LoaderOptions
  bool cuda_graph = true;     ///< steps are recorded once and replayed where they can be; see moe/training/stepper.h
};

/// Where a run is, after a batch.
struct BatchReport {
  int64_t epoch = 0, epochs = 0;   ///< counted from 1; over all stages
  int64_t batch = 0, batches = 0;  ///< counted from 1, of this epoch
  int64_t step = 0;                ///< counted from 1, over all epochs
  int64_t samples = 0;             ///< in this batch
  /// The loss of this batch, to be asked for before the hook returns. Who asks on a GPU waits for it.
  std::function<double()> loss;
};

/// What an epoch gave. Losses and accuracies of the training part are those of the batches while the model learned.
struct EpochReport {
  int64_t epoch = 0;  ///< counted from 1
  std::string stage;
  double loss = 0;  ///< mean over the samples, in nats or squared units, without the regularizers
  /// Means over the batches of the regularizers that the objective has, without their weights.
  std::vector<std::pair<std::string, double>> regularizers;
  double accuracy = 0;  ///< 0 for a regression
  double learning_rate = 0;
  double temperature = 1;
  double train_seconds = 0;
  double samples_per_second = 0;
  int64_t replayed_steps = 0;      ///< of this epoch, as a CUDA graph
  std::string graph_obstacle;      ///< why none could be where they were to be
  Record validation;               ///< empty where there is no validation part
  double validation_accuracy = 0;  ///< 0 for a regression
};

struct TrainerHooks {
  std::function<void(const BatchReport&)> on_batch;
  std::function<void(const EpochReport&)> on_epoch;
  std::function<bool()> stop;  ///< asked after every batch; true ends the run
};

/// Trains a model by a recipe, on the device of its parameters. The test part of the data is never read.
///
/// The same seed gives the same bits, whatever the number of threads. Throws NonFiniteError with the step for a loss or
/// a gradient with a NaN or an infinity; the parameters are then those before that step. Returns false where stop()
/// ended the run early.
///
/// On a GPU no step waits for it: losses, counts and what was not finite are read at the end of an epoch, or when
/// on_batch asks for the loss. So that error may come some batches late, with the step in which it happened and the
/// parameters of that time; running statistics may have gone on until then.
bool train(Model& model, const Recipe& recipe, const data::Splits& data, const TrainerOptions& options,
           const TrainerHooks& hooks = {});

/// Runs a model over a dataset in evaluation mode, with nothing recorded for gradients.
Record evaluate(Model& model, const data::Dataset& dataset, const TrainerOptions& options);

}  // namespace divvy::moe
