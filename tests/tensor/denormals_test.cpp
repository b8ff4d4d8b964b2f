#include "tensor/denormals.h"

#include <limits>
#include <vector>

#include "tensor/parallel.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

/// Halves of the smallest normal number, computed by eight tasks on up to three threads.
std::vector<float> halves() {
  volatile float smallest = std::numeric_limits<float>::min();
  std::vector<float> results(8);
  parallel_for(8, [&](int64_t i) { results[static_cast<size_t>(i)] = smallest * 0.5f; });
  return results;
}

}  // namespace

#if defined(__x86_64__)
TEST_CASE("numbers below the normal range are flushed to zero on every thread, where that is asked for") {
  const int before = num_threads();
  set_num_threads(3);
  flush_denormals(true);
  CHECK(halves() == std::vector<float>(8, 0.f));
  set_num_threads(4);  // a thread that did not exist yet
  CHECK(halves() == std::vector<float>(8, 0.f));
  flush_denormals(false);
  CHECK(halves() == std::vector<float>(8, std::numeric_limits<float>::min() / 2));
  set_num_threads(before);
}
#endif

}  // namespace divvy::test
