#pragma once

namespace divvy::app {

/// What the command's exit status says.
enum ExitCode : int {
  kDone = 0,
  kFailure = 1,
  kUsage = 2,       ///< a command, option or value that cannot be
  kData = 3,        ///< a data set that is missing or damaged
  kCheckpoint = 4,  ///< a checkpoint or run folder that is missing, damaged or in the way
  kNonFinite = 5,   ///< training met a NaN or an infinity
  kOutOfMemory = 6,
  kInterrupted = 130,  ///< by SIGINT, after saving
};

}  // namespace divvy::app
