#pragma once

#include <sys/types.h>

/// What ends a run early without losing it.
namespace divvy::app {

/// Notes SIGINT, SIGTERM and SIGHUP during its lifetime, except those that were ignored (nohup), and passes them on to
/// the children of ChildSignals as SIGTERM. One more signal ends the program immediately, unless it comes within a
/// second: a terminal or a scheduler may signal a child that its parent signals too.
class SignalGuard {
 public:
  SignalGuard();
  ~SignalGuard();
  SignalGuard(const SignalGuard&) = delete;
  SignalGuard& operator=(const SignalGuard&) = delete;

  /// Whether a signal has come since the guard was made; false without one.
  static bool interrupted();
};

/// The running children that a signal is passed on to. At most 4096; further ones are not signaled.
class ChildSignals {
 public:
  /// A child that was started after a signal had come is signaled at once.
  static void add(pid_t child);
  /// Must be called before the child is waited for, since its number may then be given to another process.
  static void remove(pid_t child);
};

}  // namespace divvy::app
