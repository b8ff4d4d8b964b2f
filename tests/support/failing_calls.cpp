#include "tests/support/failing_calls.h"

#include <algorithm>
#include <cerrno>

#include "tensor/error.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

detail::FileCalls real;
int count = 0, failing = -1, error_number = 0;
bool short_writes = false;

/// Whether the current call must fail.
bool fails() {
  if (count++ != failing) return false;
  errno = error_number;
  return true;
}

int counted_open(const char* path, int flags, mode_t mode) { return fails() ? -1 : real.open(path, flags, mode); }
ssize_t counted_write(int file, const void* from, size_t bytes) {
  if (fails()) return -1;
  return real.write(file, from, short_writes ? std::min<size_t>(bytes, 37) : bytes);
}
int counted_fsync(int file) { return fails() ? -1 : real.fsync(file); }
int counted_rename(const char* from, const char* to) { return fails() ? -1 : real.rename(from, to); }

}  // namespace

FailingCalls::FailingCalls(int which, int error) : before_(detail::file_calls) {
  real = before_;
  count = 0;
  failing = which;
  error_number = error;
  detail::file_calls.open = counted_open;
  detail::file_calls.write = counted_write;
  detail::file_calls.fsync = counted_fsync;
  detail::file_calls.rename = counted_rename;
}

FailingCalls::~FailingCalls() { detail::file_calls = before_; }

int FailingCalls::calls() { return count; }

namespace {

/// Returns true if save(true) reached call number `which` and failed; otherwise the save was complete.
bool fail_call(int which, int error, const std::function<void(bool)>& save, const std::function<bool(bool)>& holds) {
  save(false);
  REQUIRE(holds(false));
  bool threw = false, reached = false;
  {
    const FailingCalls calls(which, error);
    try {
      save(true);
    } catch (const Error&) {
      threw = true;
    }
    reached = FailingCalls::calls() > which;
  }
  CHECK(threw == reached);
  CHECK((holds(true) || (reached && holds(false))));
  return reached;
}

}  // namespace

int fail_every_call(const std::function<void(bool newer)>& save, const std::function<bool(bool newer)>& holds) {
  int failures = 0;
  for (const bool in_pieces : {false, true}) {
    for (const int error : {ENOSPC, EIO}) {
      short_writes = in_pieces;
      for (int which = 0;; ++which, ++failures) {
        INFO("call " << which << " fails with " << error << (in_pieces ? ", writes are short" : ""));
        if (!fail_call(which, error, save, holds)) break;
      }
    }
  }
  short_writes = false;
  return failures;
}

}  // namespace divvy::test
