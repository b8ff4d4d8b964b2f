#include "apps/run/sweep_plan.h"
#include "apps/settings/option_checks.h"
#include "apps/settings/options.h"

namespace divvy::app {

void add_sweep_options(CLI::App& command, SweepConfig& config) {
  command.add_option("experiments", config.experiments, "configuration files, as `divvy train --config` reads them")
      ->type_name("FILE")
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--set", config.settings, "key=value: an option of `divvy train` for every run")
      ->type_name("KEY=VALUE")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--grid", config.grid, "key=v1,v2,...: every combination is run, the best by validation reported")
      ->type_name("KEY=V1,V2")
      ->expected(1)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  command.add_option("--seeds", config.seeds, "runs of each setting, with seeds of their own")
      ->check(number(1, 1e6))
      ->capture_default_str();
  command.add_option("--first-seed", config.first_seed, "the first of the seeds")
      ->check(number(0, 1e9))
      ->capture_default_str();
  command.add_option("--jobs", config.jobs, "runs at once, 0: one for each core")
      ->check(number(0, 4096))
      ->capture_default_str();
  command.add_option("--out", config.out, "folder of the sweep; runs that are done there are not run again")
      ->capture_default_str();
  data_dir_option(command, config.data_dir);
  command.add_flag("--best-of-seeds", config.best_of_seeds, "show the best single runs, too");
  command.add_flag("--quiet,-q", config.quiet, "no progress, only results and errors");
}

}  // namespace divvy::app
