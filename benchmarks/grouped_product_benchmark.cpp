#include <benchmark/benchmark.h>

#include "benchmarks/peak.h"
#include "kernels/counting_sort.h"
#include "kernels/grouped_matmul.h"
#include "tensor/generator.h"

/// The grouped product, forward and backward, each beside the peak of multiply-adds measured in the same moment.
namespace divvy {

namespace {

/// Samples that each choose k different experts, and the parameters of these.
struct Work {
  Work(int64_t samples, int64_t experts, int64_t k, int64_t inputs, int64_t outputs, bool gather = true) {
    Generator generator(1);
    Tensor chosen = Tensor::empty({samples, k}, DType::i64);
    auto values = chosen.mutable_values<int64_t>();
    for (int64_t b = 0; b < samples; ++b) {
      const int64_t first = generator.integer(experts), step = 1 + generator.integer(std::max<int64_t>(1, experts - 1));
      for (int64_t j = 0; j < k; ++j) values[static_cast<size_t>(b * k + j)] = (first + j * step) % experts;
    }
    auto sorted = kernels::counting_sort(chosen, experts);
    segments = {sorted.offsets, gather ? sorted.sample : Tensor()};
    x = generator.normal({gather ? samples : samples * k, inputs});
    weight = generator.normal({experts, outputs, inputs});
    bias = generator.normal({experts, outputs});
    dy = generator.normal({samples * k, outputs});
    y = Tensor::empty_like(dy), dx = Tensor::empty_like(x), dweight = Tensor::empty_like(weight);
    dbias = Tensor::empty_like(bias);
    operations = 2.0 * static_cast<double>(samples * k * inputs * outputs);
  }

  void forward() { kernels::grouped_matmul(x, weight, bias, segments, y); }
  void backward_input() { kernels::grouped_matmul_backward_input(dy, weight, segments, dx); }
  void backward_weight() { kernels::grouped_matmul_backward_weight(x, dy, segments, dweight); }
  void backward_bias() { kernels::grouped_matmul_backward_bias(dy, segments, dbias); }

  Segments segments;
  Tensor x, weight, bias, dy, y, dx, dweight, dbias;
  double operations;
};

Work work_of(const benchmark::State& state) {
  return {state.range(0), state.range(1), state.range(2), state.range(3), state.range(4)};
}

void forward(benchmark::State& state) {
  Work work = work_of(state);
  bench::run_beside_peak(state, work.operations, [&] { work.forward(); });
}

void backward_input(benchmark::State& state) {
  Work work = work_of(state);
  bench::run_beside_peak(state, work.operations, [&] { work.backward_input(); });
}

void backward_weight(benchmark::State& state) {
  Work work = work_of(state);
  bench::run_beside_peak(state, work.operations, [&] { work.backward_weight(); });
}

/// The two layers of a feed-forward expert 256-1024-256, without what is between them.
void feed_forward(benchmark::State& state) {
  Work up(2048, 16, 2, 256, 1024), down(2048, 16, 2, 1024, 256, false);
  bench::run_beside_peak(state, 3 * (up.operations + down.operations), [&] {
    up.forward(), down.forward();
    down.backward_input(), down.backward_weight(), down.backward_bias();
    up.backward_input(), up.backward_weight(), up.backward_bias();
  });
}

/// The same work on as many threads as the argument says.
void threads(benchmark::State& state) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  feed_forward(state);
  set_num_threads(before);
}

void sizes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"samples", "experts", "k", "inputs", "outputs"})->UseManualTime();
  benchmark->Unit(benchmark::kMicrosecond);
  benchmark->Args({2048, 16, 2, 256, 1024})->Args({2048, 16, 2, 1024, 256});
  for (const int64_t outputs : {1, 8, 15, 16, 17, 31, 32, 33}) benchmark->Args({2048, 16, 2, 64, outputs});
}

/// As many products however many experts share them.
void experts(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"samples", "experts", "k", "inputs", "outputs"})->UseManualTime();
  benchmark->Unit(benchmark::kMicrosecond);
  for (int64_t e = 8; e <= 512; e *= 4) benchmark->Args({4096, e, 2, 64, 128});
}

BENCHMARK(feed_forward)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(threads)->Arg(1)->Arg(2)->Arg(4)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(forward)->Apply(sizes)->Apply(experts);
BENCHMARK(backward_input)->Apply(sizes)->Apply(experts);
BENCHMARK(backward_weight)->Apply(sizes)->Apply(experts);

}  // namespace

}  // namespace divvy
