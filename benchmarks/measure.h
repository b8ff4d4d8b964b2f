#pragma once

#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "benchmarks/device_timer.h"
#include "benchmarks/options.h"
#include "benchmarks/peak.h"
#include "kernels/fill.h"
#include "tensor/tensor.h"

/// Timing on the device of the options. On the CPU the peak of multiply-adds is measured along with the work; on a GPU
/// the work is timed with events, and its inputs are not in the L2 cache.
namespace divvy::bench {

inline Device device() { return options().device; }

/// Registers a benchmark with manual time; on a GPU with a fixed number of iterations, so that its tensors are made
/// once.
inline benchmark::internal::Benchmark* add(const char* name, void (*function)(benchmark::State&),
                                           int64_t device_iterations = 25) {
  auto* benchmark = benchmark::RegisterBenchmark(name, function)->UseManualTime();
  if (device().is_cuda()) benchmark->Iterations(options().tiny ? 1 : device_iterations);
  return benchmark;
}

/// Overwrites the L2 cache of a GPU.
class CacheFlush {
 public:
  void operator()() { kernels::fill(memory_, 0); }

 private:
  static constexpr int64_t kBytes = int64_t{256} << 20;  // several times the L2 cache of any device
  Tensor memory_ = Tensor::empty({options().tiny ? int64_t{1} << 10 : kBytes / 4}, DType::f32, device());
};

/// The seconds of each iteration of `work` on a GPU.
template <class Work>
std::vector<double> device_times(benchmark::State& state, const Work& work) {
  CacheFlush flush;
  DeviceTimer timer(device());
  std::vector<double> times;
  for (int i = 0; i < (options().tiny ? 1 : 3); ++i) work();
  for (auto _ : state) {
    // While the device is busy with the flush, the host queues the work, so that launch overhead is not part of its
    // time unless it exceeds the work itself.
    flush();
    timer.start();
    work();
    times.push_back(timer.stop());
    state.SetIterationTime(times.back());
  }
  return times;
}

/// Times `work`, which takes `operations` operations. Counters: us (the median), GFLOP/s and, on the CPU,
/// share_of_peak.
template <class Work>
void measure(benchmark::State& state, double operations, const Work& work) {
  if (device().is_cpu()) return run_beside_peak(state, operations, work);
  const double time = median(device_times(state, work));
  state.counters["us"] = time * 1e6;
  state.counters["GFLOP/s"] = operations / time * 1e-9;
}

/// A copy of `bytes` bytes, read once and written once, on the device of the benchmarks.
class Copy {
 public:
  explicit Copy(int64_t bytes) : from_(Tensor::empty({bytes}, DType::u8, device())), to_(Tensor::empty_like(from_)) {
    kernels::fill(from_, 1);
  }
  void operator()() {
    if (device().is_cuda()) return to_.copy_from(from_);
    std::byte* to = to_.mutable_bytes();
    parallel_tiles(from_.nbytes(), int64_t{1} << 18, [&](int64_t begin, int64_t end) {
      std::memcpy(to + begin, from_.bytes() + begin, static_cast<size_t>(end - begin));
    });
    benchmark::ClobberMemory();
  }

 private:
  Tensor from_, to_;
};

/// Times `work` and a copy of `bytes` bytes alternately. Counters: us (the median), GB/s (of 2 * bytes, as for the
/// copy) and times_a_copy (the median ratio).
template <class Work>
void measure_beside_copy(benchmark::State& state, int64_t bytes, const Work& work) {
  Copy copy(bytes);
  std::vector<double> times, ratios;
  if (device().is_cpu()) {
    for (auto _ : state) {
      double start = clock_seconds();
      copy();
      const double of_copy = clock_seconds() - start;
      start = clock_seconds();
      work();
      times.push_back(clock_seconds() - start);
      state.SetIterationTime(times.back());
      ratios.push_back(times.back() / of_copy);
    }
  } else {
    CacheFlush flush;
    DeviceTimer timer(device());
    copy();
    times = device_times(state, [&] { work(); });
    for (const double time : times) {
      flush();
      timer.start();
      copy();
      ratios.push_back(time / timer.stop());
    }
  }
  const double time = median(times);
  state.counters["us"] = time * 1e6;
  state.counters["GB/s"] = 2 * static_cast<double>(bytes) / time * 1e-9;
  state.counters["times_a_copy"] = median(ratios);
}

}  // namespace divvy::bench
