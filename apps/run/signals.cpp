#include "apps/run/signals.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <ctime>

namespace divvy::app {

namespace {

constexpr std::array<int, 3> kSignals = {SIGINT, SIGTERM, SIGHUP};

std::atomic<bool> was_interrupted{false};
std::atomic<int64_t> interrupted_at{0};  // nanoseconds
std::array<std::atomic<pid_t>, 4096> children{};
std::array<struct sigaction, kSignals.size()> before{};

static_assert(std::atomic<pid_t>::is_always_lock_free && std::atomic<int64_t>::is_always_lock_free);

/// Calls nothing that a handler of signals must not.
void on_signal(int number) {
  const int error = errno;
  for (const auto& child : children) {
    if (const pid_t process = child.load(); process > 0) ::kill(process, SIGTERM);
  }
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  const int64_t at = int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  if (!was_interrupted.exchange(true)) {
    interrupted_at = at;
  } else if (at - interrupted_at.load() > 1'000'000'000) {
    std::signal(number, SIG_DFL);
    std::raise(number);
  }
  errno = error;
}

}  // namespace

SignalGuard::SignalGuard() {
  was_interrupted = false;
  struct sigaction action {};
  action.sa_handler = on_signal;
  action.sa_flags = SA_RESTART;
  for (size_t i = 0; i < kSignals.size(); ++i) {
    ::sigaction(kSignals[i], nullptr, &before[i]);
    if (before[i].sa_handler != SIG_IGN) ::sigaction(kSignals[i], &action, nullptr);
  }
}

SignalGuard::~SignalGuard() {
  for (size_t i = 0; i < kSignals.size(); ++i) ::sigaction(kSignals[i], &before[i], nullptr);
  was_interrupted = false;
}

bool SignalGuard::interrupted() { return was_interrupted; }

void ChildSignals::add(pid_t child) {
  for (auto& slot : children) {
    pid_t free = 0;
    if (slot.compare_exchange_strong(free, child)) break;
  }
  if (was_interrupted) ::kill(child, SIGTERM);
}

void ChildSignals::remove(pid_t child) {
  for (auto& slot : children) {
    pid_t expected = child;
    slot.compare_exchange_strong(expected, 0);
  }
}

}  // namespace divvy::app
