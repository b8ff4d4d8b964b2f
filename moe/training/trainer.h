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
  uint64_t seed = 42;              ///< seeds the order of samples, augmentation and sampled routing
  int64_t batch_limit = 0;         ///< number of batches per epoch and per evaluation; 0: all
  RoutingOptions evaluation = {};  ///< how samples are routed in evaluation
  data::Augmentation augment = {};
  bool augment_validation = false;     ///< the validation part is augmented as well
  bool accuracy_after_update = false;  ///< training accuracy from a second pass in evaluation mode after each step
  /// Sets the mode in which a model is evaluated. Keeping dropout active samples from an ensemble (Gal and Ghahramani
  /// 2016); batch statistics in batch norms adapt to the data (Nado et al. 2020).
  std::function<void(Model&)> evaluation_mode = [](Model& model) { model.eval(); };
  /// The validation accuracy of a classification that EpochReport has.
  std::function<double(const Record&)> validation_accuracy = accuracy;

  // These options change how a GPU executes the steps, not their results.
  bool resident_data = true;  ///< keeps the training part in GPU memory if it fits; see data::LoaderOptions
  bool cuda_graph = true;     ///< records a step once and replays it if possible; see moe/training/stepper.h
};

/// The progress of a run after a batch.
struct BatchReport {
  int64_t epoch = 0, epochs = 0;   ///< counted from 1, over all stages
  int64_t batch = 0, batches = 0;  ///< counted from 1, in this epoch
  int64_t step = 0;                ///< counted from 1, over all epochs
  int64_t samples = 0;             ///< in this batch
  /// Returns the loss of this batch; it may be called only until the hook returns. On a GPU it waits for the batch.
  std::function<double()> loss;
};

/// The results of an epoch. Training loss and accuracy are means over the batches, computed during training.
struct EpochReport {
  int64_t epoch = 0;  ///< counted from 1
  std::string stage;
  double loss = 0;  ///< mean over the samples, in nats or squared units, without the regularizers
  /// Means over the batches of the objective's regularizers, without their weights.
  std::vector<std::pair<std::string, double>> regularizers;
  double accuracy = 0;  ///< 0 for a regression
  double learning_rate = 0;
  double temperature = 1;
  double train_seconds = 0;
  double samples_per_second = 0;
  int64_t replayed_steps = 0;      ///< number of steps of this epoch replayed as a CUDA graph
  std::string graph_obstacle;      ///< why steps could not be replayed although requested
  Record validation;               ///< empty if there is no validation part
  double validation_accuracy = 0;  ///< 0 for a regression
};

struct TrainerHooks {
  std::function<void(const BatchReport&)> on_batch;
  std::function<void(const EpochReport&)> on_epoch;
  std::function<bool()> stop;  ///< called after every batch; returning true ends the run
};

/// Trains a model by a recipe on the device of its parameters. The test part of the data is never read.
///
/// The same seed gives the same bits for any number of threads. Throws NonFiniteError with the step for a loss or a
/// gradient with a NaN or an infinity; the parameters are then those before that step. Returns false if stop() ended
/// the run early.
///
/// No step waits for a GPU: losses, counts and non-finite values are read at the end of an epoch, or when on_batch
/// reads the loss. The error may therefore be thrown some batches late; it still names the failed step, and the
/// parameters are those before that step, but running statistics may have been updated since.
bool train(Model& model, const Recipe& recipe, const data::Splits& data, const TrainerOptions& options,
           const TrainerHooks& hooks = {});

/// Evaluates a model on a dataset in the evaluation mode of the options, without recording gradients.
Record evaluate(Model& model, const data::Dataset& dataset, const TrainerOptions& options);

}  // namespace divvy::moe
