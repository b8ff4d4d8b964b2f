#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace divvy::app {

/// A program to run, and the file for its output.
struct ChildTask {
  std::vector<std::string> arguments;  ///< arguments[0] is the program
  std::filesystem::path log;           ///< file for stdout and stderr; replaced if it exists
};

struct ChildResult {
  int code = 0;        ///< the exit status; 128 + n if signal n ended the program
  double seconds = 0;  ///< run time
};

/// Starts tasks in their order, at most `jobs` at once. `finished` is called on this thread with the index of each task
/// when it ends; if it returns false, or a SignalGuard of the caller has noted a signal, no further task is started and
/// the running ones are waited for. The signal is passed on to them. Throws CheckpointError for a log
/// that cannot be written or a program that cannot be started.
void run_children(const std::vector<ChildTask>& tasks, int jobs,
                  const std::function<bool(size_t, const ChildResult&)>& finished);

/// The path of the running program.
std::filesystem::path this_program();

}  // namespace divvy::app
