#include "moe/training/trainer.h"

#include <algorithm>
#include <chrono>

#include "datasets/loader.h"
#include "kernels/finite.h"
#include "moe/model/device.h"
#include "moe/training/expectation.h"
#include "moe/training/stepper.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

// The streams of the seed that a run uses; the loader uses others.
constexpr uint64_t kRoutingStream = 101, kEvaluationStream = 102, kWeightsStream = 103;

double seconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

int64_t limited(int64_t batches, const TrainerOptions& options) {
  return options.batch_limit > 0 ? std::min(batches, options.batch_limit) : batches;
}

/// Why an evaluation has values that are not finite: a parameter or a buffer that is not, or else the outputs of the
/// first expert that has such values.
NonFiniteError cause_of(const Model& model, const Forward& forward) {
  const auto found = [](const Tensor& x) { return is_floating(x.dtype()) ? kernels::first_non_finite(x) : -1; };
  for (const auto& [name, parameter] : model.named_parameters()) {
    const int64_t at = found(parameter.value()), parts = parameter.parts();
    if (at < 0) continue;
    std::optional<NonFiniteError::Part> part;
    if (parts > 0) part = {parameter.part_name(), at / (parameter.value().numel() / parts)};
    return {"parameter", name, part};
  }
  for (const auto& [name, buffer] : model.named_buffers()) {
    if (found(buffer.value()) >= 0) return {"buffer", name};
  }
  if (const int64_t at = found(forward.rows.value()); at >= 0) {
    const int64_t row = at / forward.rows.shape().cols();
    const Tensor offsets = forward.dispatch.segments.offsets.to(Device::cpu());
    const auto end = std::ranges::upper_bound(offsets.values<int64_t>(), row);
    return {"output", "an evaluation", {{"expert", end - offsets.values<int64_t>().begin() - 1}}};
  }
  return {"output", "an evaluation"};
}

/// evaluate(), optionally with experts given by class lists and with the augmentation of the training part.
Record evaluate_routed(Model& model, const data::Dataset& dataset, const TrainerOptions& options,
                       const ClassLists& class_lists, bool augmented) {
  const NoGrad no_grad;
  const bool was_training = model.is_training();
  options.evaluation_mode(model);
  Generator random(options.seed, kEvaluationStream);
  data::Loader loader(dataset, {.batch = options.batch,
                                .seed = options.seed,
                                .augment = augmented ? options.augment : data::Augmentation{},
                                .device = device_of(model)});
  const int64_t batches = limited(loader.batches(), options);
  Record record;
  for (int64_t b = 0; b < batches; ++b) {
    const auto batch = loader.next();
    Supervision known(batch->y);
    known.target = batch->target;
    if (!class_lists.empty()) known.experts = experts_of_labels(class_lists, batch->y);
    const Forward forward = model.run(Variable(batch->x), options.evaluation, random, known);
    try {
      if (batch->target.defined()) {
        record.append(forward, batch->y, batch->target);
      } else {
        record.append(forward, batch->y);
      }
    } catch (const NonFiniteError&) {
      throw cause_of(model, forward);
    }
  }
  model.train(was_training);
  return record;
}

/// Sets the parameters of a part of the model at the start of a stage.
void restart(nn::Module& part, Start start, const nn::StateDict& initial, Generator& random) {
  if (start == Start::initial) part.load_state_dict(initial);
  if (start == Start::fresh) part.reset(random);
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
        weights_random_(options.seed, kWeightsStream),
        loader_(data.train, {.batch = options.batch,
                             .shuffle = true,
                             .seed = options.seed,
                             .augment = options.augment,
                             .device = device_of(model),
                             .resident = options.resident_data}),
        device_(device_of(model)) {
    if (device_.is_cuda()) watch_ = std::make_unique<FiniteWatch>(device_);
    const auto starts = [&](Start Stage::*part) {
      return std::ranges::any_of(recipe.stages, [&](const Stage& stage) { return stage.*part == Start::initial; });
    };
    if (model.has_gate() && starts(&Stage::gate)) initial_gate_ = model.gate()->state_dict();
    if (starts(&Stage::experts)) initial_experts_ = model.expert_stack()->state_dict();
  }

  bool stage(Stage stage) {
    start_parts(stage);
    if (stage.objective.distance_features) stage.objective.distance_features->to(device_);
    model_.to(device_);  // new weights are drawn on the CPU, so they are the same on every device
    const auto optimizer = make_optimizer(model_, stage);
    TemperatureSequence temperatures(stage.temperatures, stage.routing.temperature);
    TrainerOptions evaluation = options_;
    if (stage.evaluation) evaluation.evaluation = *stage.evaluation;
    class_lists_ = &stage.class_lists;
    EpochSums sums(stage.objective, device_);
    Stepper stepper(model_, stage, *optimizer, routing_random_, sums, watch_.get(),
                    {options_.cuda_graph, options_.accuracy_after_update, evaluation.evaluation});
    for (int64_t i = 0; i < stage.epochs; ++i) {
      ++epoch_;
      stage.routing.temperature = temperatures.next();
      if (stage.e_step != EStep::none && i % std::max<int64_t>(stage.e_step_every, 1) == 0) {
        expectation_ = expectation_step(model_, data_.train, stage, options_.batch, routing_random_);
      }
      EpochReport report = train_epoch(stage, stepper, sums, optimizer->lr());
      if (stopped_) return false;
      if (data_.validation.size() > 0) {
        report.validation = validate(evaluation);
        if (report.validation.is_classification()) {
          report.validation_accuracy = options_.validation_accuracy(report.validation);
        }
      }
      if (hooks_.on_epoch) hooks_.on_epoch(report);
    }
    expectation_ = {};
    return true;
  }

 private:
  void start_parts(const Stage& stage) {
    // This includes parameters that a previous stage has frozen.
    restart(*model_.expert_stack(), stage.experts, initial_experts_, weights_random_);
    if (!model_.has_gate()) return;
    if (stage.gate == Start::distilled) {
      const ReadingGate* reading = model_.reading_gate();
      const auto gate = reading == nullptr ? nullptr : reading->distilled(model_.experts(), weights_random_);
      if (!gate) fail<ValueError>("stage '{}' distils an attentive gate, the model has none", stage.name);
      model_.set_gate(gate);
    } else {
      restart(*model_.gate(), stage.gate, initial_gate_, weights_random_);
    }
  }

  EpochReport train_epoch(const Stage& stage, Stepper& stepper, EpochSums& sums, double learning_rate) {
    model_.train();
    sums.reset();
    const auto start = std::chrono::steady_clock::now();
    const int64_t batches = limited(loader_.batches(), options_), replays = stepper.replays();
    int64_t samples = 0, batch = 0;
    const auto loss = [&] {
      if (watch_) watch_->check();
      return sums.last_loss();
    };
    while (auto next = loader_.next()) {
      if (batch == batches) continue;  // drains a limited epoch, so that the next one has its own order
      step(stepper, *next);
      samples += next->size();
      ++batch;
      if (hooks_.on_batch) hooks_.on_batch({epoch_, epochs_, batch, batches, step_, next->size(), loss});
      if (hooks_.stop && hooks_.stop()) {
        stopped_ = true;
        break;
      }
    }
    if (watch_) watch_->check();
    const EpochSums::Sums total = sums.read();
    const auto mean = [](double sum, int64_t count) { return sum / static_cast<double>(std::max<int64_t>(count, 1)); };
    EpochReport report;
    report.epoch = epoch_;
    report.stage = stage.name;
    report.loss = mean(total.loss, samples);
    if (batch > 0) report.regularizers = total.regularizers;
    for (auto& regularizer : report.regularizers) regularizer.second = mean(regularizer.second, batch);
    report.accuracy = mean(static_cast<double>(total.right), samples);
    report.learning_rate = learning_rate;
    report.temperature = stage.routing.temperature;
    report.train_seconds = seconds_since(start);
    report.samples_per_second = static_cast<double>(samples) / std::max(report.train_seconds, 1e-9);
    report.replayed_steps = stepper.replays() - replays;
    report.graph_obstacle = stepper.obstacle();
    return report;
  }

  Record validate(const TrainerOptions& evaluation) {
    try {
      return evaluate_routed(model_, data_.validation, evaluation, *class_lists_, options_.augment_validation);
    } catch (const NonFiniteError& error) {
      throw error.at_step(step_);
    }
  }

  Supervision supervision_of(const data::Batch& batch) const {
    Supervision known(batch.y);
    known.target = batch.target;
    if (!class_lists_->empty()) known.experts = experts_of_labels(*class_lists_, batch.y);
    expectation_.fill(known, batch.index);
    return known;
  }

  void step(Stepper& stepper, const data::Batch& batch) {
    ++step_;
    try {
      stepper.step(batch.x, supervision_of(batch));
    } catch (const NonFiniteError& error) {
      throw error.at_step(step_);
    }
  }

  Model& model_;
  const data::Splits& data_;
  const TrainerOptions& options_;
  const TrainerHooks& hooks_;
  int64_t epochs_, epoch_ = 0, step_ = 0;
  Generator routing_random_, weights_random_;
  data::Loader loader_;
  Device device_;
  std::unique_ptr<FiniteWatch> watch_;  ///< on a GPU only; its runs are the steps
  nn::StateDict initial_gate_, initial_experts_;
  const ClassLists* class_lists_ = nullptr;
  Expectation expectation_;
  bool stopped_ = false;
};

}  // namespace

bool train(Model& model, const Recipe& recipe, const data::Splits& data, const TrainerOptions& options,
           const TrainerHooks& hooks) {
  Run run(model, recipe, data, options, hooks);
  return std::ranges::all_of(recipe.stages, [&](const Stage& stage) { return run.stage(stage); });
}

Record evaluate(Model& model, const data::Dataset& dataset, const TrainerOptions& options) {
  return evaluate_routed(model, dataset, options, {}, false);
}

}  // namespace divvy::moe
