#pragma once

#include <functional>

#include "tensor/file.h"

namespace divvy::test {

/// While it lives, counts the calls that file writing makes (open, write, fsync, rename) and makes one of them fail.
class FailingCalls {
 public:
  /// Call number `which` (from 0; -1 is none) fails with `error`.
  FailingCalls(int which, int error);
  ~FailingCalls();
  FailingCalls(const FailingCalls&) = delete;
  FailingCalls& operator=(const FailingCalls&) = delete;

  /// How many calls there were.
  static int calls();

 private:
  detail::FileCalls before_;
};

/// For each system call that save(true) makes: saves an old version with save(false), then lets that call fail while
/// save(true) saves a new one; with ENOSPC and with EIO, in whole writes and in writes that take only some of the
/// bytes. Each time the save must throw a divvy::Error, and holds(false) (the old version is there, whole) or
/// holds(true) (the new one is) must be true afterwards. Returns how many failures were tried.
int fail_every_call(const std::function<void(bool newer)>& save, const std::function<bool(bool newer)>& holds);

}  // namespace divvy::test
