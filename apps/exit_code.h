#pragma once

namespace divvy::app {

/// The exit status of the program.
enum ExitCode : int {
  kDone = 0,
  kFailure = 1,
  kUsage = 2,          ///< an invalid command, option or value
  kData = 3,           ///< a data set that is missing or damaged
  kCheckpoint = 4,     ///< a checkpoint or run folder that is missing or damaged, or exists already
  kNonFinite = 5,      ///< training met a NaN or an infinity
  kOutOfMemory = 6,    ///< no memory, or no threads
  kInterrupted = 130,  ///< ended by a signal, after saving
  kBrokenPipe = 141,   ///< the reader of the output has gone; everything else is done
};

}  // namespace divvy::app
