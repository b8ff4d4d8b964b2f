#include "apps/run/training_plan.h"

#include <algorithm>

#include "apps/run/device_plan.h"
#include "apps/run/run_model.h"
#include "apps/settings/idle_options.h"
#include "apps/settings/numbers.h"
#include "tensor/parallel.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

/// Runs a step of the planning and adds the option that causes it to an error of the library.
template <class Step>
auto for_option(const std::string& option, Step step) {
  try {
    return step();
  } catch (const ValueError& error) {
    throw UsageError(fmt::format("{}: {}", option, error.what()));
  }
}

bool is_photograph(const data::Dataset& dataset) { return dataset.sample_shape() == Shape{3, 32, 32}; }

data::Augmentation augmentation(TrainConfig& config, const data::Dataset& dataset) {
  if (!config.augment) config.augment = is_photograph(dataset);
  if (!*config.augment) return {};
  const data::Augmentation augment{.flip = true, .crop_padding = 4, .reflect = true};
  for_option("--augment", [&] { data::check_augmentation(augment, dataset.sample_shape()); });
  return augment;
}

/// Refuses settings that need others, where the library would detect the lack only later.
void refuse_incomplete(const TrainConfig& config) {
  const moe::ModelOptions& model = config.model();
  const bool lists_missing = config.class_lists.empty();
  const char* how = "give them with --class-lists, for example random; --list has more";
  if (lists_missing && moe::models().at(model.model).combination == moe::Combination::concatenation) {
    throw UsageError(fmt::format("--model {} needs the classes of each expert; {}", model.model, how));
  }
  const moe::RecipeKind* recipe = moe::recipes().find(config.recipe);  // null for the model's own recipe
  if (lists_missing && recipe != nullptr && recipe->reads_class_lists) {
    throw UsageError(fmt::format("--recipe {} needs the classes of each expert; {}", config.recipe, how));
  }
  if (lists_missing && model.class_mask) {
    throw UsageError(fmt::format("--class-mask needs the classes of each expert; {}", how));
  }
  const moe::Temperatures& temperatures = config.method.temperatures;
  const bool changing = !temperatures.schedule.empty() || temperatures.decay > 0;
  if (model.gate_normalizer == moe::Normalizer::escort && changing) {
    throw UsageError("--gate-output escort has no temperature that could change; --gate-output softmax has");
  }
  if (!config.method.expert_learning_rates.empty() && !model.separate_experts) {
    throw UsageError("--expert-lr needs experts as networks of their own; add --separate-experts");
  }
}

/// Refuses losses that do not suit the way in which the model combines its experts.
void refuse_loss(const TrainConfig& config, const moe::ModelOptions& options, const moe::Loss& loss) {
  const moe::ModelKind& kind = moe::models().at(config.model().model);
  const bool em = moe::losses().at(kind.loss).responsibilities;
  if (em != loss.responsibilities) {
    throw UsageError(
        fmt::format("--loss {} {}; --loss {} suits --model {}", loss.name,
                    em ? "has no responsibilities, by which model em learns" : "needs the E-steps of --model em",
                    moe::usual_loss(options), config.model().model));
  }
  if (loss.mixes_outputs && kind.combination != moe::Combination::outputs) {
    throw UsageError(
        fmt::format("--loss {} mixes the experts' outputs, and --model {} combines their logits; "
                    "--loss cross-entropy suits",
                    loss.name, config.model().model));
  }
}

/// The network whose outputs define distances between samples.
std::shared_ptr<nn::Module> distance_features(const TrainConfig& config, const data::Dataset& dataset) {
  if (config.distance == "pixels") return nullptr;
  TrainConfig settings = run_settings(config.distance);
  const RunModel run = settings.data == config.data ? load_run_model(config.distance, "last", settings, dataset)
                                                    : load_run_model(config.distance, "last", config.data_dir);
  if (!moe::models().at(run.options.model).single) {
    throw UsageError(fmt::format("--distance {} is a run of --model {}; its features come from one of --model single",
                                 config.distance, run.options.model));
  }
  if (moe::networks().at(run.options.network).sample != dataset.sample_shape()) {
    throw UsageError(fmt::format("--distance {} was trained on samples {}, {} has {}", config.distance,
                                 moe::networks().at(run.options.network).sample, dataset.name, dataset.sample_shape()));
  }
  run.model->set_precision(config.precision);
  run.model->eval();
  run.model->freeze(true);
  return run.model->expert_stack();
}

/// The method of a config without distance features, which are loaded only when needed.
moe::Method outline(const TrainConfig& config, const moe::ModelOptions& options) {
  moe::Method method = config.method;
  method.model = options;
  method.objective.loss = config.loss.empty() ? moe::usual_loss(options) : config.loss;
  if (method.first_epochs == 0) method.first_epochs = method.epochs;
  return method;
}

moe::Recipe recipe_of(const TrainConfig& config, const moe::Method& method) {
  return for_option(fmt::format("--recipe {}", config.recipe), [&] { return moe::make_recipe(config.recipe, method); });
}

/// Refuses temperatures for more epochs than train the gate.
void refuse_long_schedule(const TrainConfig& config, const moe::ModelOptions& options) {
  const moe::Method& method = config.method;
  const auto scheduled = static_cast<int64_t>(method.temperatures.schedule.size());
  const int64_t epochs = recipe_of(config, outline(config, options)).gate_epochs();
  if (scheduled > epochs) {
    throw UsageError(fmt::format("--temperature {} is for {} epochs, --epochs {} has {} of them",
                                 temperatures_text({method.temperatures.schedule}), scheduled, method.epochs, epochs));
  }
}

/// Refuses data that would be found missing only after training.
void refuse_empty_parts(const data::Splits& data) {
  for (const auto& [name, part] : {std::pair("training", &data.train), {"test", &data.test}}) {
    if (part->size() == 0)
      fail<DataError>("{}: the {} part has no samples; more data are needed", data.train.name, name);
  }
}

moe::Method make_method(TrainConfig& config, const Plan& plan) {
  refuse_idle_terms(config);
  if (config.loss.empty()) config.loss = moe::usual_loss(plan.model_options);
  if (config.method.first_epochs == 0) config.method.first_epochs = config.method.epochs;
  moe::Method method = outline(config, plan.model_options);
  refuse_loss(config, plan.model_options, method.objective.loss);
  method.objective.distance_features = distance_features(config, plan.data.train);
  if (config.fast_dev_run) method.epochs = method.first_epochs = 1;
  return method;
}

moe::TrainerOptions trainer_options(TrainConfig& config, const Plan& plan) {
  if (config.batch == 0) config.batch = plan.data.train.size() < 20000 ? 64 : 512;
  moe::TrainerOptions options{.batch = config.batch,
                              .seed = config.seed,
                              .batch_limit = config.fast_dev_run ? 1 : 0,
                              .evaluation = planned_evaluation(config, plan.model_options),
                              .augment = augmentation(config, plan.data.train),
                              .cuda_graph = config.cuda_graph != CudaGraph::off};
  plan.quirks.apply(options);
  return options;
}

std::string stages_text(const moe::Recipe& recipe) {
  std::string text;
  for (const moe::Stage& stage : recipe.stages) {
    const char* learns = stage.learns == moe::Learns::gate      ? ", the gate learns"
                         : stage.learns == moe::Learns::experts ? ", the experts learn"
                                                                : "";
    text += fmt::format("{}{} ({} {}{})", text.empty() ? "" : "; ", stage.name, stage.epochs,
                        stage.epochs == 1 ? "epoch" : "epochs", learns);
  }
  return text;
}

std::string objective_text(const moe::Objective& objective, const TrainConfig& config) {
  std::string text = objective.loss.name;
  for (const moe::Regularizer& term : objective.regularizers) {
    std::string name = term.name;
    std::ranges::replace(name, '_', ' ');
    if (term.weight == 0) continue;
    text += fmt::format(" {} {} {}", term.maximized ? "-" : "+", term.weight, name);
  }
  if (objective.distance_features) text += fmt::format(", distances by {}", config.distance);
  return text;
}

/// The objective, or if the stages differ, that of each stage.
std::string objectives_text(const moe::Recipe& recipe, const TrainConfig& config) {
  std::string first = objective_text(recipe.stages.front().objective, config), all;
  bool alike = true;
  for (const moe::Stage& stage : recipe.stages) {
    const std::string text = objective_text(stage.objective, config);
    alike = alike && text == first;
    all += fmt::format("{}{}: {}", all.empty() ? "" : "; ", stage.name, text);
  }
  return alike ? first : all;
}

}  // namespace

data::Splits planned_data(const TrainConfig& config) {
  data::Splits data = load_data(config.data, config.data_dir, config.seed);
  if (config.normalize == Normalize::half) {
    if (data.train.x.rank() != 4) throw UsageError("--normalize half is for images; --normalize own suits all data");
    const std::vector<double> half(static_cast<size_t>(data.train.x.size(1)), 0.5);
    for (data::Dataset* part : {&data.train, &data.validation, &data.test}) part->normalization = {half, half};
  }
  config.quirks.apply(data);
  if (config.train_limit > 0 && config.train_limit < data.train.size()) {
    data.train = data.train.slice(0, config.train_limit);
  }
  return data;
}

moe::ModelOptions planned_model(TrainConfig& config, const data::Dataset& dataset) {
  moe::ModelOptions& model = config.method.model;
  if (model.network.empty()) model.network = default_network(dataset, config);
  const moe::NetworkPair& pair = moe::networks().at(model.network);
  if (pair.sample != dataset.sample_shape()) {
    throw UsageError(fmt::format("--net {} takes samples {}, {} has {}; try --net {}", model.network, pair.sample,
                                 dataset.name, dataset.sample_shape(), default_network(dataset, config)));
  }
  moe::ModelOptions options = model;
  options.classes = dataset.classes;
  if (dataset.target.defined()) options.targets = dataset.target.size(1);
  config.quirks.apply(options);
  if (!config.class_lists.empty()) {
    constexpr uint64_t kListStream = 104;  // a stream of the run's seed; the trainer uses those before
    Generator random(config.seed, kListStream);
    options.class_lists = for_option("--class-lists", [&] {
      return moe::parse_class_lists(config.class_lists, options.experts, options.classes, random);
    });
  }
  for_option(fmt::format("--model {}", config.model().model), [&] { moe::routing_of(options, false); });
  return options;
}

moe::RoutingOptions planned_evaluation(const TrainConfig& config, const moe::ModelOptions& options) {
  moe::RoutingOptions routing = moe::routing_of(options, false);
  routing.temperature = recipe_of(config, outline(config, options)).temperature();
  return routing;
}

Plan make_plan(TrainConfig& config) {
  refuse_incomplete(config);
  return make_plan(config, planned_data(config));
}

Plan make_plan(TrainConfig& config, data::Splits data) {
  refuse_incomplete(config);
  Plan plan;
  plan.quirks = config.quirks;
  plan.data = std::move(data);
  refuse_empty_parts(plan.data);
  plan.model_options = planned_model(config, plan.data.train);
  if (config.recipe.empty()) config.recipe = moe::models().at(config.model().model).recipe;
  const moe::Method method = make_method(config, plan);
  plan.recipe = recipe_of(config, method);
  for_option(fmt::format("--quirks {}", config.quirks.to_string()),
             [&] { plan.quirks.apply(plan.recipe, plan.model_options); });
  refuse_long_schedule(config, plan.model_options);
  plan.trainer = trainer_options(config, plan);
  Generator weights(config.seed);
  plan.model = for_option(fmt::format("--model {}", config.model().model),
                          [&] { return moe::build_model(plan.model_options, weights); });
  plan.model->set_precision(config.precision);
  require_graph(plan, config);
  plan.cost = flops_per_sample(*plan.model, plan.trainer.evaluation, plan.data.train);
  return plan;
}

std::string describe(const Plan& plan, const TrainConfig& config) {
  const moe::ModelOptions& options = plan.model_options;
  const auto& model = *plan.model;
  const int64_t experts = model.expert_stack()->parameter_count();
  const std::string learned = plan.regression() ? fmt::format("{} numbers to predict", options.targets)
                                                : fmt::format("{} classes", options.classes);
  std::string text = fmt::format("data      {}: {} train, {} validation, {} test samples {}, {}{}\n", config.data,
                                 grouped(plan.data.train.size()), grouped(plan.data.validation.size()),
                                 grouped(plan.data.test.size()), plan.data.train.sample_shape(), learned,
                                 plan.trainer.augment.none() ? "" : ", mirrored and cropped at random");
  text += fmt::format("model     {}, ", options.model);
  if (model.experts() > 1) {
    text += fmt::format("{} experts of {} parameters, ", model.experts(), grouped(experts / model.experts()));
  } else {
    text += fmt::format("{} parameters, ", grouped(experts));
  }
  if (model.has_gate()) {
    text += fmt::format("{} gate of {}, ", name_of(options.gate), grouped(model.parameter_count() - experts));
  }
  text += fmt::format("network {}\n", options.network);
  if (!options.class_lists.empty()) text += fmt::format("classes   {}\n", moe::to_string(options.class_lists));
  const moe::Stage& last = plan.recipe.stages.back();
  text += fmt::format("routing   {} in training, {} in evaluation\n", last.routing.to_string(),
                      plan.trainer.evaluation.to_string());
  text += fmt::format("loss      {}\n", objectives_text(plan.recipe, config));
  text += fmt::format("recipe    {}: {}\n", plan.recipe.name, stages_text(plan.recipe));
  text += fmt::format("cost      {} FLOP a sample forward, {} with every expert evaluated\n", grouped(plan.cost.routed),
                      grouped(plan.cost.dense));
  const moe::OptimizerOptions& optimizer = config.method.optimizer;
  std::string rate = fmt::format("{}", optimizer.learning_rate);
  if (const auto& rates = config.method.expert_learning_rates; !rates.empty()) {
    rate += fmt::format(", of the experts {}", numbers_text(rates));
  }
  text += fmt::format("training  {}, learning rate {}, weight decay {}, batch {}\n", optimizer.name, rate,
                      optimizer.weight_decay, config.batch);
  if (config.device.is_cuda()) text += fmt::format("device    {}\n", device_text(plan, config));
  if (!plan.quirks.empty()) text += fmt::format("quirks    {}\n", plan.quirks.to_string());
  if (config.precision != Precision::f32) {
    text += fmt::format("precision {} factors of products, f32 sums\n", name_of(config.precision));
  }
  text += fmt::format("seed      {}, {} threads\n", config.seed, num_threads());
  std::vector<std::string> idle = idle_options(config, plan.recipe);
  for (const moe::Quirk* quirk : plan.quirks.idle(options, plan.recipe, plan.trainer)) {
    idle.push_back(fmt::format("--quirks {} (read by {})", quirk->name, quirk->reader));
  }
  if (!idle.empty()) text += fmt::format("no effect {}\n", fmt::join(idle, ", "));
  return text;
}

}  // namespace divvy::app
