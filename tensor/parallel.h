#pragma once

#include <omp.h>

#include <atomic>
#include <cstdint>
#include <exception>
#include <limits>
#include <mutex>

#include "tensor/error.h"

namespace divvy {

/// The number of threads in parallel regions; results never depend on it.
inline int num_threads() { return omp_get_max_threads(); }
/// Throws ValueError unless threads >= 1.
inline void set_num_threads(int threads) {
  if (threads < 1) fail<ValueError>("set_num_threads: expects at least 1 thread, got {}", threads);
  omp_set_num_threads(threads);
}

namespace detail {

/// Not inlined, so that the serial and the parallel loop share one copy of the body. Two copies could round
/// differently, with a product and a sum fused in only one of them.
template <class Body>
[[gnu::noinline]] void run_task(const Body& body, int64_t i) {
  body(i);
}

/// Keeps the exception of the lowest-numbered task that threw, since no exception may leave a parallel region.
class TaskErrors {
 public:
  template <class Body>
  void run(const Body& body, int64_t i) {
    // Tasks after a failed one can be skipped; those before it may still throw the error to report.
    if (i > first_.load(std::memory_order_relaxed)) return;
    try {
      run_task(body, i);
    } catch (...) {
      const std::lock_guard lock(mutex_);
      if (i < first_.load(std::memory_order_relaxed)) {
        first_.store(i, std::memory_order_relaxed);
        error_ = std::current_exception();
      }
    }
  }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::atomic<int64_t> first_ = std::numeric_limits<int64_t>::max();
  std::mutex mutex_;
  std::exception_ptr error_;
};

}  // namespace detail

/// Runs body(i) once for each i in [0, tasks), spread over the threads. The result of a task must not depend on the
/// thread that runs it, so work is cut into tiles of a fixed size, and sums over tiles are taken afterwards in the
/// order of the tiles. If tasks throw, the exception of the smallest i is rethrown, as in a serial loop; it is then
/// unspecified which later tasks ran.
template <class Body>
void parallel_for(int64_t tasks, const Body& body) {
  if (tasks <= 1 || num_threads() == 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < tasks; ++i) detail::run_task(body, i);
    return;
  }
  detail::TaskErrors errors;
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t i = 0; i < tasks; ++i) errors.run(body, i);
  errors.rethrow();
}

/// Runs body(begin, end) over [0, count) in tiles of `tile` elements; a single tile runs on the calling thread.
template <class Body>
void parallel_tiles(int64_t count, int64_t tile, const Body& body) {
  parallel_for((count + tile - 1) / tile, [&](int64_t i) {
    const int64_t begin = i * tile;
    body(begin, begin + tile < count ? begin + tile : count);
  });
}

}  // namespace divvy
