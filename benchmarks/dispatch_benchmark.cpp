#include <benchmark/benchmark.h>

#include <cstring>
#include <vector>

#include "benchmarks/peak.h"
#include "kernels/combine.h"
#include "kernels/counting_sort.h"
#include "kernels/rows.h"
#include "kernels/top_k.h"
#include "tensor/generator.h"

/// What routing costs beside a plain copy of the bytes that it moves: 4,096 samples of 256 features to 2 of E experts.
namespace divvy {

namespace {

struct Work {
  explicit Work(int64_t experts) {
    Generator generator(1);
    scores = generator.normal({kSamples, experts});
    values = Tensor::empty({kSamples, kK}), chosen = Tensor::empty({kSamples, kK}, DType::i64);
    kernels::top_k(scores, values, chosen);
    sorted = kernels::counting_sort(chosen, experts);
    x = generator.normal({kSamples, kCols}), rows = generator.normal({kSamples * kK, kCols});
    weights = generator.uniform({kSamples, kK});
    y = Tensor::empty_like(x), drows = Tensor::empty_like(rows), dweights = Tensor::empty_like(weights);
  }

  static constexpr int64_t kSamples = 4096, kK = 2, kCols = 256;
  Tensor scores, values, chosen, x, rows, weights, y, drows, dweights;
  kernels::CountingSort sorted;
};

/// Times `work` and a copy of `bytes` bytes, read once and written once, by turns, and reports the median ratio.
template <class F>
void beside_copy(benchmark::State& state, int64_t bytes, const F& work) {
  const std::vector<std::byte> from(static_cast<size_t>(bytes), std::byte{1});
  std::vector<std::byte> to(from.size());
  std::vector<double> ratios, times;
  for (auto _ : state) {
    double start = bench::clock_seconds();
    const int64_t tile = 1 << 18;
    parallel_tiles(bytes, tile, [&](int64_t begin, int64_t end) {
      std::memcpy(to.data() + begin, from.data() + begin, static_cast<size_t>(end - begin));
    });
    benchmark::ClobberMemory();
    const double copy = bench::clock_seconds() - start;
    start = bench::clock_seconds();
    work();
    const double seconds = bench::clock_seconds() - start;
    state.SetIterationTime(seconds);
    times.push_back(seconds), ratios.push_back(seconds / copy);
  }
  state.counters["us"] = bench::median(times) * 1e6;
  state.counters["times_a_copy"] = bench::median(ratios);
}

constexpr int64_t kRowBytes = Work::kCols * 4, kBatchBytes = Work::kSamples * kRowBytes;

// A copy of n bytes reads n and writes n; the operations read and write k and 1 batches, or 1 and k of them.
constexpr int64_t kMoved = kBatchBytes * (Work::kK + 1) / 2;

void top_k(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, w.scores.nbytes(), [&] { kernels::top_k(w.scores, w.values, w.chosen); });
}
void counting_sort(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, 2 * w.chosen.nbytes(), [&] { kernels::counting_sort(w.chosen, state.range(0)); });
}
void gather_rows(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, kMoved, [&] { kernels::gather_rows(w.x, w.sorted.sample, w.drows); });
}
void scatter_add_rows(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, kMoved, [&] { kernels::scatter_add_rows(w.rows, w.sorted.sample, w.y); });
}
void combine(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, kMoved, [&] { kernels::combine(w.rows, w.weights, w.sorted.position, w.y); });
}
void combine_backward_rows(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, kMoved, [&] { kernels::combine_backward_rows(w.weights, w.sorted.position, w.x, w.drows); });
}
void combine_backward_weights(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, kMoved, [&] { kernels::combine_backward_weights(w.rows, w.sorted.position, w.x, w.dweights); });
}
/// Sort, gather and combine: a whole pass of the batch through experts that do nothing.
void dispatch_and_combine(benchmark::State& state) {
  Work w(state.range(0));
  beside_copy(state, 2 * kMoved, [&] {
    const auto sorted = kernels::counting_sort(w.chosen, state.range(0));
    kernels::gather_rows(w.x, sorted.sample, w.drows);
    kernels::combine(w.drows, w.weights, sorted.position, w.y);
  });
}

void experts(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgName("experts")->Arg(8)->Arg(64)->Arg(512)->UseManualTime()->Unit(benchmark::kMicrosecond);
}

BENCHMARK(dispatch_and_combine)->Apply(experts);
BENCHMARK(top_k)->Apply(experts);
BENCHMARK(counting_sort)->Apply(experts);
BENCHMARK(gather_rows)->Apply(experts);
BENCHMARK(scatter_add_rows)->Apply(experts);
BENCHMARK(combine)->Apply(experts);
BENCHMARK(combine_backward_rows)->Apply(experts);
BENCHMARK(combine_backward_weights)->Apply(experts);

}  // namespace

}  // namespace divvy
