#pragma once

#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <ctime>
#include <vector>

#include "kernels/instruction_set.h"
#include "tensor/parallel.h"

/// The peak rate of multiply-adds of this machine, measured along with the work that is compared with it: on a shared
/// machine both vary from one millisecond to the next, but their ratio does not.
namespace divvy::bench {

/// Seconds of a clock; for a single thread, its CPU time, which stops while another program has the core.
inline double clock_seconds(int threads = num_threads()) {
  timespec now;
  clock_gettime(threads == 1 ? CLOCK_THREAD_CPUTIME_ID : CLOCK_MONOTONIC, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

namespace detail {

// Defines a function with enough independent chains of multiply-adds to hide their latency.
#define DIVVY_CHAINS(name, attribute, bytes)                                                     \
  attribute inline float name(int64_t steps) {                                                   \
    typedef float V __attribute__((vector_size(bytes)));                                         \
    V sum[12], scale = 0.999f - V{}, shift = 0.001f - V{};                                       \
    asm volatile("" : "+x"(scale), "+x"(shift));                                                 \
    for (int i = 0; i < 12; ++i) sum[i] = static_cast<float>(i) - V{};                           \
    for (int64_t s = 0; s < steps; ++s) {                                                        \
      _Pragma("GCC unroll 12") for (int i = 0; i < 12; ++i) { sum[i] = sum[i] * scale + shift; } \
    }                                                                                            \
    for (int i = 1; i < 12; ++i) sum[0] += sum[i];                                               \
    return sum[0][0];                                                                            \
  }

DIVVY_CHAINS(chains_plain, , 16)
#if defined(__x86_64__)
DIVVY_CHAINS(chains_avx2, __attribute__((target("avx2,fma"))), 32)
DIVVY_CHAINS(chains_avx512, __attribute__((target("avx512f"))), 64)
#endif
#undef DIVVY_CHAINS

/// Runs `steps` steps of the chains and returns the number of operations.
inline double run_chains(int64_t steps) {
#if defined(__x86_64__)
  using kernels::InstructionSet;
  const InstructionSet set = kernels::instruction_set();
  if (set == InstructionSet::avx512) {
    benchmark::DoNotOptimize(chains_avx512(steps));
    return 2.0 * 12 * 16 * static_cast<double>(steps);
  }
  if (set == InstructionSet::avx2) {
    benchmark::DoNotOptimize(chains_avx2(steps));
    return 2.0 * 12 * 8 * static_cast<double>(steps);
  }
#endif
  benchmark::DoNotOptimize(chains_plain(steps));
  return 2.0 * 12 * 4 * static_cast<double>(steps);
}

}  // namespace detail

/// Operations per second of `threads` concurrent threads, two for each multiply-add in f32, measured for about 0.2 ms.
inline double fma_peak(int threads = num_threads()) {
  constexpr int64_t kSteps = 40000;
  double operations = 0;
  const double start = clock_seconds(threads);
#pragma omp parallel for num_threads(threads) reduction(+ : operations) schedule(static, 1)
  for (int i = 0; i < threads; ++i) operations += detail::run_chains(kSteps);
  return operations / (clock_seconds(threads) - start);
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<int64_t>(values.size()) / 2;
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

/// Times `work`, which takes `operations` operations, and measures the peak after each run, for a benchmark with manual
/// time; work of less than 0.2 ms is run several times in one iteration. Counters: us, GFLOP/s and share_of_peak, all
/// medians.
template <class Work>
void run_beside_peak(benchmark::State& state, double operations, const Work& work) {
  work();
  double start = clock_seconds();
  work();
  const double once = clock_seconds() - start;
  const int repeats = std::max(1, static_cast<int>(2e-4 / std::max(once, 1e-7)));
  std::vector<double> shares, times;
  double before = fma_peak();
  for (auto _ : state) {
    start = clock_seconds();
    for (int i = 0; i < repeats; ++i) work();
    const double seconds = clock_seconds() - start, after = fma_peak();
    state.SetIterationTime(seconds);
    times.push_back(seconds / repeats);
    shares.push_back(operations / times.back() / (0.5 * (before + after)));
    before = after;
  }
  const double time = median(times);
  state.counters["us"] = time * 1e6;
  state.counters["GFLOP/s"] = operations / time * 1e-9;
  state.counters["share_of_peak"] = median(shares);
}

}  // namespace divvy::bench
