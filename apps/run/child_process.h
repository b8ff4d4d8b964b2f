#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace divvy::app {

/// A program to run, with what it prints in one file.
struct ChildTask {
  std::vector<std::string> arguments;  ///< arguments[0] is the program
  std::filesystem::path log;           ///< stdout and stderr; replaced
};

struct ChildResult {
  int code = 0;        ///< the exit status; 128 + n where signal n ended the program
  double seconds = 0;  ///< from its start
};

/// Runs tasks, at most `jobs` at once, in their order. `finished` is called with the place of each task as it ends, on
/// this thread; where it returns false, no further task is started and those that run are waited for. Throws
/// CheckpointError for a log that cannot be written or a program that cannot be started.
void run_children(const std::vector<ChildTask>& tasks, int jobs,
                  const std::function<bool(size_t, const ChildResult&)>& finished);

/// The path of the running program.
std::filesystem::path this_program();

}  // namespace divvy::app
