#include "moe/trainer.h"

#include <algorithm>
#include <chrono>

#include "datasets/loader.h"
#include "nn/adam.h"
#include "nn/clip.h"
#include "nn/rmsprop.h"
#include "nn/sgd.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

// Streams of the run's seed; the loader has one of its own.
constexpr uint64_t kRoutingStream = 101, kEvaluationStream = 102;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int64_t limited(int64_t batches, const TrainerOptions& options) {
  return options.batch_limit > 0 ? std::min(batches, options.batch_limit) : batches;
}

int64_t count_right(const Tensor& output, const Tensor& labels) {
  const auto values = output.to_doubles();
  const auto label = labels.values<int64_t>();
  const auto classes = output.shape().cols();
  int64_t right = 0;
  for (size_t b = 0; b < label.size(); ++b) {
    const auto row = values.begin() + static_cast<int64_t>(b) * classes;
    right += std::max_element(row, row + classes) - row == label[b];
  }
  return right;
}

/// Runs the epochs of a recipe.
class Run {
 public:
  Run(Model& model, const Recipe& recipe, const data::Splits& data, const TrainerOptions& options,
      const TrainerHooks& hooks)
      : model_(model),
        data_(data),
        options_(options),
        hooks_(hooks),
        epochs_(recipe.epochs()),
        routing_random_(options.seed, kRoutingStream),
        loader_(data.train,
                {.batch = options.batch, .shuffle = true, .seed = options.seed, .augment = options.augment}) {}

  bool stage(const Stage& stage) {
    const auto optimizer = make_optimizer(model_, stage);
    for (int64_t i = 0; i < stage.epochs; ++i) {
      ++epoch_;
      EpochReport report = train_epoch(stage, *optimizer);
      if (stopped_) return false;
      if (data_.validation.size() > 0) report.validation = evaluate(model_, data_.validation, options_);
      if (hooks_.on_epoch) hooks_.on_epoch(report);
    }
    return true;
  }

 private:
  EpochReport train_epoch(const Stage& stage, nn::Optimizer& optimizer) {
    model_.train();
    const auto start = std::chrono::steady_clock::now();
    const int64_t batches = limited(loader_.batches(), options_);
    int64_t samples = 0, right = 0, batch = 0;
    double loss = 0, importance = 0;
    while (auto next = loader_.next()) {
      if (batch == batches) continue;  // an epoch that is cut short still ends, so that the next one has its own order
      Forward forward;
      const Terms terms = step(stage, optimizer, *next, forward);
      const int64_t size = next->size();
      loss += terms.loss.value().item() * static_cast<double>(size);
      if (terms.importance.defined()) importance += terms.importance.value().item();
      right += count_right(forward.output.value(), next->y);
      samples += size;
      ++batch;
      if (hooks_.on_batch) hooks_.on_batch({epoch_, epochs_, batch, batches, step_, size, terms.loss.value().item()});
      if (hooks_.stop && hooks_.stop()) {
        stopped_ = true;
        break;
      }
    }
    EpochReport report;
    report.epoch = epoch_;
    report.stage = stage.name;
    report.loss = loss / static_cast<double>(std::max<int64_t>(samples, 1));
    report.importance = importance / static_cast<double>(std::max<int64_t>(batch, 1));
    report.accuracy = static_cast<double>(right) / static_cast<double>(std::max<int64_t>(samples, 1));
    report.learning_rate = optimizer.lr();
    report.train_seconds = seconds_since(start);
    report.samples_per_second = static_cast<double>(samples) / std::max(report.train_seconds, 1e-9);
    return report;
  }

  Terms step(const Stage& stage, nn::Optimizer& optimizer, const data::Batch& batch, Forward& forward) {
    ++step_;
    try {
      return train_step(model_, stage, optimizer, Variable(batch.x), batch.y, routing_random_, &forward);
    } catch (const NonFiniteError& error) {
      throw error.at_step(step_);
    }
  }

  Model& model_;
  const data::Splits& data_;
  const TrainerOptions& options_;
  const TrainerHooks& hooks_;
  int64_t epochs_, epoch_ = 0, step_ = 0;
  Generator routing_random_;
  data::Loader loader_;
  bool stopped_ = false;
};

}  // namespace

std::unique_ptr<nn::Optimizer> make_optimizer(Model& model, const Stage& stage) {
  if (model.has_gate()) {
    model.gate()->freeze(stage.learns == Learns::experts);
    model.expert_stack()->freeze(stage.learns == Learns::gate);
  }
  std::vector<Variable> parameters;
  for (const Variable& parameter : model.parameters()) {
    if (parameter.requires_grad()) parameters.push_back(parameter);
  }
  const OptimizerOptions& options = stage.optimizer;
  const double lr = options.learning_rate, decay = options.weight_decay;
  if (options.name == "adam") {
    return std::make_unique<nn::Adam>(parameters, nn::AdamOptions{.lr = lr, .weight_decay = decay});
  }
  if (options.name == "adamw") {
    return std::make_unique<nn::AdamW>(parameters, nn::AdamWOptions{.lr = lr, .weight_decay = decay});
  }
  if (options.name == "rmsprop") {
    return std::make_unique<nn::RMSprop>(
        parameters, nn::RMSpropOptions{.lr = lr, .weight_decay = decay, .momentum = options.momentum});
  }
  if (options.name == "sgd") {
    return std::make_unique<nn::SGD>(parameters,
                                     nn::SGDOptions{.lr = lr, .momentum = options.momentum, .weight_decay = decay});
  }
  fail<ValueError>("unknown optimiser '{}'; known are adam, adamw, rmsprop, sgd", options.name);
}

Terms train_step(Model& model, const Stage& stage, nn::Optimizer& optimizer, const Variable& x, const Tensor& labels,
                 Generator& generator, Forward* forward) {
  Forward result = model.run(x, stage.routing, generator);
  Terms terms = evaluate(stage.objective, result, labels);
  optimizer.zero_grad();
  backward(terms.total);
  if (stage.clip_norm > 0) nn::clip_grad_norm(model.parameters(), stage.clip_norm);
  optimizer.step();
  if (forward != nullptr) *forward = std::move(result);
  return terms;
}

bool train(Model& model, const Recipe& recipe, const data::Splits& data, const TrainerOptions& options,
           const TrainerHooks& hooks) {
  Run run(model, recipe, data, options, hooks);
  return std::ranges::all_of(recipe.stages, [&](const Stage& stage) { return run.stage(stage); });
}

Record evaluate(Model& model, const data::Dataset& dataset, const TrainerOptions& options) {
  const NoGrad no_grad;
  const bool was_training = model.is_training();
  model.eval();
  Generator random(options.seed, kEvaluationStream);
  data::Loader loader(dataset, {.batch = options.batch});
  const int64_t batches = limited(loader.batches(), options);
  Record record;
  for (int64_t b = 0; b < batches; ++b) {
    const auto batch = loader.next();
    record.append(model.run(Variable(batch->x), options.evaluation, random), batch->y);
  }
  model.train(was_training);
  return record;
}

}  // namespace divvy::moe
