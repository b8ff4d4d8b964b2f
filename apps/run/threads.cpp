#include "apps/run/threads.h"

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <vector>

#include "tensor/cores.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace divvy::app {

namespace {

/// How many of the threads can be created beside this one, all at once.
int created(int threads) {
  std::mutex mutex;
  std::condition_variable changed;
  bool done = false;
  std::vector<std::thread> all;
  try {
    for (int i = 0; i < threads; ++i) {
      all.emplace_back([&] {
        std::unique_lock lock(mutex);
        changed.wait(lock, [&] { return done; });
      });
    }
  } catch (const std::system_error&) {
  }
  {
    const std::lock_guard lock(mutex);
    done = true;
  }
  changed.notify_all();
  for (std::thread& thread : all) thread.join();
  return static_cast<int>(all.size());
}

}  // namespace

void use_threads(int threads) {
  const int wanted = threads > 0 ? threads : available_cores();
  constexpr int kLoader = 1;  // the thread that reads batches ahead
  const int others = wanted - 1 + kLoader, got = created(others);
  if (got < others) {
    throw OutOfMemoryError(
        fmt::format("{} threads cannot be created, only {}; give fewer with --threads, or raise the limit on processes "
                    "(ulimit -u) or memory",
                    wanted, std::max(got, 1)),
        0);
  }
  set_num_threads(wanted);
}

}  // namespace divvy::app
