#pragma once

#include <omp.h>

#include <cstdint>

#include "tensor/error.h"

namespace divvy {

/// How many threads parallel regions use; the results never depend on it.
inline int num_threads() { return omp_get_max_threads(); }
/// Throws ValueError unless threads >= 1.
inline void set_num_threads(int threads) {
  if (threads < 1) fail<ValueError>("set_num_threads: expects at least 1 thread, got {}", threads);
  omp_set_num_threads(threads);
}

namespace detail {

/// One copy of the body for the serial and the parallel loop. Compiled into each of them it could come out twice with
/// different rounding: a product and a sum fused in one, and not in the other.
template <class Body>
[[gnu::noinline]] void run_task(const Body& body, int64_t i) {
  body(i);
}

}  // namespace detail

/// Runs body(i) once for each i in [0, tasks), spread over the threads. The body must not throw, and what a task does
/// must not depend on the thread that runs it: so work is cut into tiles of a fixed size, and sums over tiles are taken
/// afterwards in the order of the tiles.
template <class Body>
void parallel_for(int64_t tasks, const Body& body) {
  if (tasks <= 1 || num_threads() == 1 || omp_in_parallel()) {
    for (int64_t i = 0; i < tasks; ++i) detail::run_task(body, i);
    return;
  }
#pragma omp parallel for schedule(dynamic, 1)
  for (int64_t i = 0; i < tasks; ++i) detail::run_task(body, i);
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
