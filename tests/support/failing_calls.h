#pragma once

#include <functional>

#include "tensor/file.h"

namespace divvy::test {

/// During its lifetime, counts the system calls of file writing (open, write, fsync, rename) and makes one of them
/// fail.
class FailingCalls {
 public:
  /// Call number `which` (from 0; -1 for none) fails with `error`.
  FailingCalls(int which, int error);
  ~FailingCalls();
  FailingCalls(const FailingCalls&) = delete;
  FailingCalls& operator=(const FailingCalls&) = delete;

  /// The number of calls so far.
  static int calls();

 private:
  detail::FileCalls before_;
};

/// For each system call that save(true) makes, saves an old version with save(false) and makes that call fail while
/// save(true) saves a new one: with ENOSPC and with EIO, with complete and with partial writes. Each time the save must
/// throw a divvy::Error, and afterwards holds(false) (the old version is intact) or holds(true) (the new one is) must
/// be true. Returns the number of failures tried.
int fail_every_call(const std::function<void(bool newer)>& save, const std::function<bool(bool newer)>& holds);

}  // namespace divvy::test
