#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>
#include <sstream>
#include <system_error>

#include "apps/commands/commands.h"
#include "apps/exit_code.h"
#include "apps/terminal/output.h"
#include "apps/version.h"
#include "kernels/instruction_set.h"
#include "tensor/cores.h"
#include "tensor/denormals.h"
#include "tensor/parallel.h"
#include "tensor/suggest.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

constexpr const char* kExamples =
    "divvy divides a task among experts: it trains gated modular networks and shows who does what.\n\n"
    "Examples:\n"
    "  divvy train                                        ten experts on drawn digits, no files needed\n"
    "  divvy train --data mnist --data-dir ~/data --importance 0.2\n"
    "  divvy train --data mnist --model top-k --k 2       evaluate two experts a sample\n"
    "  divvy eval runs/20260101_120000-glyphs-mixture     test a trained model again\n"
    "  divvy data                                         what can be trained on, and what is missing\n"
    "  divvy doctor                                       what this build and machine have\n";

constexpr const char* kTrainExamples =
    "Trains a model and shows how its experts divided the task.\n\n"
    "Examples:\n"
    "  divvy train                                        the embedded digits, a soft mixture of ten experts\n"
    "  divvy train --data mnist --importance 0.2 --epochs 20\n"
    "  divvy train --data mnist --model top-k --k 2 --experts 10\n"
    "  divvy train --data mnist --model stochastic --gate attentive --importance 0.2\n"
    "  divvy train --data mnist --recipe no-gate-then-gate --first-epochs 20 --epochs 100\n"
    "  divvy train --list                                 all models, recipes, networks, ... by name\n"
    "  divvy train --config run.toml --seed 7             settings from a file, one of them overruled\n"
    "  divvy train --data mnist --dry-run                 the plan and its cost, without training\n";

/// The column of the help at which the text of an option begins.
constexpr size_t kOptionColumn = 34;

struct CommandLine {
  CLI::App app{kExamples, "divvy"};
  TrainConfig train;
  EvalConfig eval;
  SweepConfig sweep;
  DataConfig data;
  bool completion = false;
  CLI::App *train_app, *eval_app, *sweep_app, *data_app, *doctor_app;

  CommandLine() {
    app.get_formatter()->column_width(kOptionColumn);
    app.set_version_flag("--version", std::string("divvy ") + kVersion);
    app.add_flag("--completion-bash", completion, "print a completion script: source <(divvy --completion-bash)");
    app.option_defaults()->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    train_app = app.add_subcommand("train", "train a model")->description(kTrainExamples);
    eval_app = app.add_subcommand("eval", "test the model of a run folder");
    eval_app->description(
        "Tests the model of a run folder on the test part of its data.\n\n"
        "Examples:\n"
        "  divvy eval runs/20260101_120000-mnist-mixture\n"
        "  divvy eval runs/20260101_120000-mnist-mixture --checkpoint best\n"
        "  divvy eval runs/20260101_120000-mnist-no-gate-entropy --temperature 1\n"
        "  divvy eval sweep/run/seed-1 --compare sweep/run/seed-2\n");
    sweep_app = app.add_subcommand("sweep", "train many runs and sum them up");
    sweep_app->description(
        "Trains experiments with several seeds each, in processes of their own, and sums up what they gave: mean and\n"
        "standard deviation over the seeds, at the settings of a grid that are best on the validation part. Writes\n"
        "results.csv, results.json, summary.json, charts and, in the columns of published tables, reference.csv; "
        "called\n"
        "again, it goes on where it was interrupted.\n\n"
        "Examples:\n"
        "  divvy sweep apps/experiments/mnist/*.toml --seeds 3 --set epochs=20 --out mnist\n"
        "  divvy sweep --set data=glyphs --grid importance=0,0.2,0.4 --grid model=mixture,top-k\n");
    data_app = app.add_subcommand("data", "list the data sets and check their files");
    data_app->description(
        "Lists the data sets and which of their files are there, or reads some and checks all they hold.\n\n"
        "Examples:\n"
        "  divvy data --data-dir ~/data          what there is, and what is missing\n"
        "  divvy data mnist --data-dir ~/data    read MNIST, check it and count its classes\n");
    doctor_app = app.add_subcommand("doctor", "print what this build and machine have");
    doctor_app->description(
        "Prints build, processor, threads, GPU, libraries and data found.\n\nExamples:\n  divvy doctor\n");
    add_train_options(*train_app, train);
    add_eval_options(*eval_app, eval);
    add_sweep_options(*sweep_app, sweep);
    add_data_options(*data_app, data, true);
    add_data_options(*doctor_app, data, false);
  }

  CLI::App* command(const std::string& name) {
    for (CLI::App* command : {train_app, eval_app, sweep_app, data_app, doctor_app}) {
      if (command->get_name() == name) return command;
    }
    std::vector<std::string> names = {"train", "eval", "sweep", "data", "doctor"};
    const std::string near = nearest(name, names);
    throw UsageError(fmt::format("unknown command '{}'{}", printable(name, 80),
                                 near.empty() ? "; see divvy --help" : fmt::format("; did you mean '{}'?", near)));
  }
};

/// CLI11 takes the arguments in reverse order.
void parse(CLI::App& app, std::vector<std::string> arguments) {
  std::ranges::reverse(arguments);
  app.parse(std::move(arguments));
}

/// A setting of this length is none that divvy knows, and all that reads it may assume less.
void refuse_long_arguments(const std::vector<std::string>& arguments) {
  for (const std::string& argument : arguments) {
    if (argument.size() > kMostSettingBytes) {
      throw UsageError(fmt::format("the argument '{}' has {} bytes, at most {} are read", printable(argument, 80),
                                   argument.size(), kMostSettingBytes));
    }
  }
}

int run(const std::vector<std::string>& arguments) {
  refuse_long_arguments(arguments);
  kernels::instruction_set();  // throws for an unknown one before anything is written
  CommandLine line;
  try {
    if (arguments.empty()) {
      write_output(line.app.help());
      return kUsage;
    }
    if (arguments[0] == "--completion-bash") {
      write_output(bash_completion(line.app));
      return kDone;
    }
    if (arguments[0].starts_with("-")) {
      refuse_unknown_options(line.app, arguments);
      parse(line.app, arguments);
      return kDone;
    }
    CLI::App* command = line.command(arguments[0]);
    std::vector<std::string> rest(arguments.begin() + 1, arguments.end());
    refuse_unknown_options(*command, rest);
    rest = with_config_file(*command, std::move(rest));
    rest.insert(rest.begin(), arguments[0]);
    parse(line.app, rest);
    if (command == line.train_app) return train_command(line.train);
    if (command == line.eval_app) return eval_command(line.eval);
    if (command == line.sweep_app) return sweep_command(line.sweep);
    if (command == line.data_app) return data_command(line.data);
    return doctor_command(line.data);
  } catch (const CLI::Success& request) {  // --help and --version
    std::ostringstream text;
    const int code = line.app.exit(request, text, text);
    write_output(text.str());
    return code;
  } catch (const CLI::ParseError& error) {
    throw UsageError(error.what());
  }
}

int report(const char* what, int code) {
  constexpr size_t kMostBytes = 4096;
  print_error("divvy: {}\n", printable(what, kMostBytes));
  return code;
}

}  // namespace

int guarded_run(const std::vector<std::string>& arguments) {
  set_num_threads(available_cores());  // first of all: OMP_NUM_THREADS may ask for more than can be created
  flush_denormals(true);
  try {
    return run(arguments);
  } catch (const UsageError& error) {
    return report(error.what(), kUsage);
  } catch (const ValueError& error) {
    return report(error.what(), kUsage);
  } catch (const DataError& error) {
    return report(error.what(), kData);
  } catch (const CheckpointError& error) {
    return report(error.what(), kCheckpoint);
  } catch (const NonFiniteError& error) {
    return report(error.what(), kNonFinite);
  } catch (const OutOfMemoryError& error) {
    return report(error.what(), kOutOfMemory);
  } catch (const std::bad_alloc&) {
    return report("out of memory", kOutOfMemory);
  } catch (const std::system_error& error) {
    if (error.code() != std::errc::resource_unavailable_try_again) return report(error.what(), kFailure);
    return report("a thread cannot be created; give fewer with --threads, or raise the limit on processes (ulimit -u)",
                  kOutOfMemory);
  } catch (const std::exception& error) {
    return report(error.what(), kFailure);
  }
}

}  // namespace divvy::app

int main(int argc, char** argv) {
  divvy::app::prepare_streams();
  return divvy::app::finish_output(divvy::app::guarded_run({argv + 1, argv + argc}));
}
