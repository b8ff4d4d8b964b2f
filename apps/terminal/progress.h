#pragma once

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <functional>
#include <string>

namespace divvy::app {

/// A line of progress as text: `epoch 3/20 76%|███████▌ | 74/97 [00:33<00:10, 229 img/s] loss 0.213`.
struct ProgressLine {
  std::string label;  ///< "epoch 3/20"
  int64_t done = 0, total = 1;
  double elapsed_seconds = 0;
  double rate = 0;  ///< units per second, 0 if not known yet
  double steps_per_second = 0;
  std::string unit = "img";
  std::string note;  ///< "loss 0.213"

  /// The line in at most `width` columns; the bar takes 5 to 20 of the columns that the rest leaves.
  std::string to_string(int width) const;
};

/// Shows progress on stderr: on a terminal in one line that is redrawn at most ten times a second; otherwise it prints
/// one line at the end of each epoch.
class Progress {
 public:
  explicit Progress(bool enabled);
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;

  void start(std::string label, int64_t total);
  /// `note` is called only if the line is drawn.
  void update(int64_t done, int64_t samples, const std::function<std::string()>& note);
  /// Ends the line and prints `line` in its place.
  void finish(const std::string& line);
  /// Removes the line, so that a message can be printed.
  void clear();

 private:
  using Clock = std::chrono::steady_clock;
  bool enabled_, terminal_, drawn_ = false;
  ProgressLine line_;
  Clock::time_point start_, last_draw_, last_update_;
};

}  // namespace divvy::app
