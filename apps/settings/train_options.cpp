#include <fmt/format.h>

#include "apps/settings/numbers.h"
#include "apps/settings/option_checks.h"
#include "apps/settings/options.h"

namespace divvy::app {

namespace {

/// Adds options to one group of the help, one line each.
class Group {
 public:
  Group(CLI::App& command, const char* name) : command_(command), name_(name) {}

  template <class T>
  CLI::Option* add(const std::string& option, T& value, const std::string& help) {
    return command_.add_option(option, value, help)->default_str(fmt::format("{}", value))->group(name_);
  }
  CLI::Option* add(const char* option, std::string& value, const char* help, std::vector<std::string> names) {
    return add(option, value, help)->check(one_of(std::move(names)));
  }
  template <class Parse>
  CLI::Option* parsed(const std::string& option, const std::string& usual, const char* help, Parse parse) {
    return parsed_option(command_, option, usual, help, parse)->group(name_);
  }
  template <class Enum>
  CLI::Option* choose(const char* option, Enum& value, const char* help) {
    return choice_option(command_, option, value, help)->group(name_);
  }
  /// A number that is 0 where the default depends on other settings.
  CLI::Option* add_or_default(const char* option, int64_t& value, const char* help) {
    CLI::Option* added = add(option, value, help)->check(number(1, 1e9));
    return value == 0 ? added->default_str("") : added;
  }
  /// A weight, 0: without.
  CLI::Option* weight(const std::string& option, double& value, const std::string& help) {
    return add(option, value, help)->check(number(0));
  }
  CLI::Option* flag(const char* option, bool& value, const char* help) {
    return command_.add_flag(option, value, help)->default_str(value ? "true" : "")->group(name_);
  }

  void add(CLI::Option* option) { option->group(name_); }

 private:
  CLI::App& command_;
  const char* name_;
};

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void add_data(CLI::App& command, TrainConfig& c) {
  Group group(command, "Data");
  group.add("--data", c.data, "data set; `divvy data` lists them");
  group.add(data_dir_option(command, c.data_dir));
  group.add("--train-limit", c.train_limit, "only the first N training samples, 0: all")->check(number(0, 1e12));
  group.choose("--normalize", c.normalize, "own: by the data's mean and spread; half: pixels 0 to 1 become -1 to 1");
  command
      .add_flag_function(
          "--augment", [&c](int64_t times) { c.augment = times > 0; },
          "mirror and crop training images at random; the default for CIFAR")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeLast)
      ->default_str(!c.augment   ? ""
                    : *c.augment ? "true"
                                 : "false")
      ->group("Data");
  command
      .add_flag_callback(
          "--no-augment", [&c] { c.augment = false; }, "train on the images as they are")
      ->group("Data");
}

void add_model(CLI::App& command, TrainConfig& c) {
  Group group(command, "Model");
  moe::ModelOptions& model = c.method.model;
  moe::Temperatures& temperatures = c.method.temperatures;
  group.add("--model", model.model, "mixture, top-k, stochastic, ...; --list says what each is", moe::models().names());
  group.choose("--gate", model.gate, "plain; attentive (reads the experts' hidden layers); augmented (their outputs)");
  group.choose("--gate-output", model.gate_normalizer, "softmax or escort: how scores become probabilities");
  group.choose("--expert-output", model.expert_output, "softmax or escort: how an expert gives classes");
  group.choose("--output", model.output, "mixture, sampled or arg-max; the usual one is the model's own");
  group.choose("--expert-hidden", model.hidden, "post-relu or pre-relu: what an attentive gate reads");
  group.add("--net", model.network, "networks of experts and gate; the default suits the data",
            moe::networks().names());
  group.add("--experts", model.experts, "number of experts")->check(number(1, 1e6));
  group.add("--k", model.k, "experts evaluated for a sample by top-k")->check(number(1, 1e6));
  group.add("--class-lists", c.class_lists, "classes of each expert: 0,1|2,5|3,4, a name of --list, or random");
  group.flag("--class-mask", model.class_mask, "an expert can only predict the classes of its list");
  group.flag("--separate-experts", model.separate_experts, "experts as networks of their own, not as stacked layers");
  group.parsed("--temperature", temperatures_text({temperatures.schedule, model.temperature}),
               "of the gate's softmax; or temperatures x epochs, as 10x25,1x25,0.01x25",
               [&model, &temperatures](const std::string& text) {
                 TemperaturePlan plan = parse_temperatures(text);
                 temperatures.schedule = std::move(plan.schedule);
                 model.temperature = plan.last;
               });
  group.weight("--temperature-decay", temperatures.decay, "T becomes T / (1 + decay * epochs since the start)");
  group.add("--temperature-decay-start", temperatures.decay_start, "epochs before the decay begins")
      ->check(number(0, 1e9));
}

void add_objective(CLI::App& command, TrainConfig& c) {
  Group group(command, "Objective");
  moe::Objective& objective = c.method.objective;
  for (const moe::RegularizerKind& kind : moe::regularizers()) {
    if (objective.find(kind.name) == nullptr) objective.set_weight(kind.name, 0);
  }
  group.add("--loss", c.loss, "cross-entropy, likelihood, mse or responsibility; the default is the model's own",
            moe::losses().names());
  for (moe::Regularizer& term : objective.regularizers) group.weight(term.option(), term.weight, term.help);
  group.add("--distance", c.distance,
            "of samples: pixels, or the run folder of a --model single, whose outputs are compared");
}

void add_training(CLI::App& command, TrainConfig& c) {
  Group group(command, "Training");
  moe::Method& method = c.method;
  moe::OptimizerOptions& optimizer = method.optimizer;
  group.add("--recipe", c.recipe, "the stages of training; the default is the model's own; see --list",
            moe::recipes().names());
  group.add("--epochs", method.epochs, "passes over the training part, in the last part of the recipe")
      ->check(number(1, 1e9));
  group.add_or_default("--first-epochs", method.first_epochs,
                       "passes in each part before; the default is that of --epochs");
  group.choose("--e-step", method.e_step, "soft or hard: who answers for a sample in EM");
  group.add("--e-step-every", method.e_step_every, "epochs between two E-steps")->check(number(1, 1e9));
  group.add_or_default("--batch", c.batch, "samples of a step; the default suits the size of the data");
  group.add("--optimizer", optimizer.name, "adamw (Adam with decoupled weight decay), adam, rmsprop or sgd",
            moe::optimizers().names());
  group.add("--lr", optimizer.learning_rate, "learning rate")->check(number(0, kInfinity, true));
  group
      .parsed("--expert-lr", numbers_text(method.expert_learning_rates), "a learning rate for each expert: 0.01,0.0001",
              [&method](const std::string& text) { method.expert_learning_rates = parse_numbers(text); })
      ->type_name("NUMBER,...");
  group.weight("--weight-decay", optimizer.weight_decay, "weight decay");
  group.add("--momentum", optimizer.momentum, "momentum of rmsprop and sgd")->check(number(0, 1));
  group.flag("--skip-idle-experts", optimizer.skip_idle_experts,
             "experts without samples in a step keep weights and momentum");
  group.weight("--clip-norm", method.clip_norm, "greatest norm of the gradients, 0: not clipped");
  group.parsed("--quirks", c.quirks.to_string(),
               "what published code computed otherwise, to reproduce its numbers; see --list",
               [&c](const std::string& text) { c.quirks = moe::Quirks::parse(text); });
}

void add_run(CLI::App& command, TrainConfig& c) {
  Group group(command, "Run");
  group.add("--seed", c.seed, "seed of weights, order and splits")->check(number(0, 9007199254740992.0));
  group.add(threads_option(command, c.threads));
  group.add(device_option(command, c.device));
  group.add(precision_option(command, c.precision));
  group.choose("--cuda-graph", c.cuda_graph,
               "on a GPU, record a step as a CUDA graph and replay it: auto (where it can be), on (or refuse) or off");
  group.add("--run-dir", c.run_dir, "the run folder; the default is runs/DATE_TIME-NAME");
  group.add("--name", c.name, "name in the run folder's default name");
  command.add_flag("--quiet,-q", c.quiet, "no progress, only results and errors")->group("Run");
  command
      .add_flag("--list", c.list,
                "print all models, gates, losses, regularizers, recipes, optimizers, quirks, networks and data sets, "
                "and stop")
      ->group("Run");
  command.add_flag("--dry-run", c.dry_run, "print the plan, parameters, FLOPs and memory, and stop")->group("Run");
  command.add_flag("--fast-dev-run", c.fast_dev_run, "one batch of everything, to see that it works")->group("Run");
}

}  // namespace

void add_train_options(CLI::App& command, TrainConfig& config) {
  command
      .add_option("--config",
                  "read settings from a TOML file (key = value); flags win over it, and it over the file that its\n"
                  "extends = \"base.toml\" names")
      ->type_name("FILE");
  add_data(command, config);
  add_model(command, config);
  add_objective(command, config);
  add_training(command, config);
  add_run(command, config);
}

}  // namespace divvy::app
