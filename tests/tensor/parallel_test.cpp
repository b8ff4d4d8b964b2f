#include "tensor/parallel.h"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "tensor/error.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

/// Sets the number of threads until the end of the test.
struct Threads {
  explicit Threads(int threads) { set_num_threads(threads); }
  ~Threads() { set_num_threads(before); }
  int before = num_threads();
};

}  // namespace

TEST_CASE("parallel_for runs each task once") {
  for (const int threads : {1, 2, 3, 8}) {
    const Threads scope(threads);
    CHECK(num_threads() == threads);
    for (const int64_t tasks : {0, 1, 2, 1000}) {
      std::vector<std::atomic<int>> runs(static_cast<size_t>(tasks));
      parallel_for(tasks, [&](int64_t i) { ++runs[static_cast<size_t>(i)]; });
      for (const auto& count : runs) REQUIRE(count == 1);
    }
  }
}

TEST_CASE("parallel_for uses the threads that it may use, and one inside a parallel region") {
  const Threads scope(4);
  std::atomic<int> largest = 0, nested = 0;
  parallel_for(64, [&](int64_t) {
    for (int seen = largest;
         seen < omp_get_num_threads() && !largest.compare_exchange_weak(seen, omp_get_num_threads());) {
    }
    const int outer = omp_get_thread_num();
    parallel_for(4, [&](int64_t) { nested += omp_get_thread_num() == outer ? 0 : 1; });
  });
  CHECK(largest == 4);
  CHECK(nested == 0);
}

TEST_CASE("parallel_tiles covers the range in tiles that do not depend on the threads") {
  for (const int threads : {1, 3}) {
    const Threads scope(threads);
    for (const int64_t count : {0, 1, 9, 10, 11, 95}) {
      std::vector<std::pair<int64_t, int64_t>> tiles(static_cast<size_t>((count + 9) / 10));
      parallel_tiles(count, 10, [&](int64_t begin, int64_t end) {
        tiles.at(static_cast<size_t>(begin / 10)) = {begin, end};
      });
      int64_t at = 0;
      for (const auto& [begin, end] : tiles) {
        CHECK(begin == at);
        CHECK(end == std::min(begin + 10, count));
        at = end;
      }
      CHECK(at == count);
    }
  }
}

TEST_CASE("A number of threads below one is refused") {
  const int before = num_threads();
  CHECK_THROWS_AS(set_num_threads(0), ValueError);
  CHECK_THROWS_WITH(set_num_threads(-2), "set_num_threads: expects at least 1 thread, got -2");
  CHECK(num_threads() == before);
}

TEST_CASE("the error of the first task that throws leaves parallel_for, for any number of threads") {
  for (const int threads : {1, 2, 8}) {
    const Threads scope(threads);
    for (int repeat = 0; repeat < 20; ++repeat) {
      std::vector<std::atomic<int>> runs(100);
      const auto failing = [&] {
        parallel_for(100, [&](int64_t i) {
          ++runs[static_cast<size_t>(i)];
          if (i % 7 == 5) fail<ValueError>("task {}", i);
        });
      };
      CHECK_THROWS_WITH(failing(), "task 5");
      for (size_t i = 0; i <= 5; ++i) CHECK(runs[i] == 1);
    }
    // The next region works as if nothing had been.
    std::atomic<int> count = 0;
    parallel_for(10, [&](int64_t) { ++count; });
    CHECK(count == 10);
  }
}

}  // namespace divvy::test
