#include "apps/terminal/progress.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "apps/terminal/output.h"
#include "apps/terminal/terminal.h"

namespace divvy::app {

namespace {

double seconds_between(std::chrono::steady_clock::time_point from, std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

/// A bar of `width` columns with a resolution of an eighth of a column.
std::string bar(double share, int width) {
  static constexpr const char* eighths[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉"};
  const int units = std::clamp(static_cast<int>(std::floor(share * width * 8)), 0, width * 8);
  std::string text;
  for (int i = 0; i < units / 8; ++i) text += "█";
  if (units / 8 < width) text += eighths[units % 8];
  for (int i = units / 8 + 1; i < width; ++i) text += " ";
  return text;
}

}  // namespace

std::string ProgressLine::to_string(int width) const {
  const double share = total > 0 ? static_cast<double>(done) / static_cast<double>(total) : 1;
  const double left = steps_per_second > 0 ? static_cast<double>(total - done) / steps_per_second : 0;
  const std::string before = fmt::format("{}  {:3.0f}%|", label, std::floor(share * 100));
  const std::string after = fmt::format("| {}/{} [{}<{}, {} {}/s] {}", done, total, clock_time(elapsed_seconds),
                                        steps_per_second > 0 ? clock_time(left) : "?",
                                        rate > 0 ? fmt::format("{:.0f}", rate) : "?", unit, note);
  const int room = width - static_cast<int>(before.size() + after.size());
  if (room < 5) return (before + after).substr(0, static_cast<size_t>(std::max(width, 0)));
  return before + bar(share, std::min(room, 20)) + after;
}

Progress::Progress(bool enabled) : enabled_(enabled), terminal_(is_terminal(stderr)) {}

void Progress::start(std::string label, int64_t total) {
  clear();
  line_ = ProgressLine();
  line_.label = std::move(label);
  line_.total = total;
  start_ = last_update_ = Clock::now();
  last_draw_ = {};
}

void Progress::update(int64_t done, int64_t samples, const std::function<std::string()>& note) {
  const auto now = Clock::now();
  const double seconds = std::max(seconds_between(last_update_, now), 1e-6);
  const double rate = static_cast<double>(samples) / seconds;
  const double steps = static_cast<double>(done - line_.done) / seconds;
  // A moving average over about twenty batches keeps the numbers readable. The first batch is left out: start() is
  // called after it, so its time is unknown.
  if (line_.done > 0) {
    line_.rate = line_.rate == 0 ? rate : 0.95 * line_.rate + 0.05 * rate;
    line_.steps_per_second = line_.steps_per_second == 0 ? steps : 0.95 * line_.steps_per_second + 0.05 * steps;
  }
  line_.done = done;
  line_.elapsed_seconds = seconds_between(start_, now);
  last_update_ = now;
  if (!enabled_ || !terminal_ || seconds_between(last_draw_, now) < 0.1) return;
  last_draw_ = now;
  line_.note = note();
  drawn_ = true;
  print_error("\r{}\x1b[K", line_.to_string(terminal_width() - 1));
}

void Progress::finish(const std::string& line) {
  clear();
  if (enabled_) print_error("{}\n", line);
}

void Progress::clear() {
  if (!drawn_) return;
  print_error("\r\x1b[K");
  drawn_ = false;
}

}  // namespace divvy::app
