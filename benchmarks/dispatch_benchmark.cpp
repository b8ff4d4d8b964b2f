#include <benchmark/benchmark.h>

#include "benchmarks/measure.h"
#include "kernels/combine.h"
#include "kernels/counting_sort.h"
#include "kernels/route.h"
#include "kernels/rows.h"
#include "kernels/top_k.h"
#include "tensor/generator.h"

/// The cost of routing samples to 2 of E experts, compared with a plain copy of the bytes that it moves: 4,096 samples
/// of 256 features on the CPU, 16,384 of 1,024 on a GPU.
namespace divvy {

namespace {

struct Problem {
  explicit Problem(const benchmark::State& state)
      : samples(state.range(0)), cols(state.range(1)), num_experts(state.range(2)) {
    Generator generator(1);
    const auto normal = [&](const Shape& shape) { return generator.normal(shape, 0, 1, DType::f32, bench::device()); };
    scores = normal({samples, num_experts}), probabilities = Tensor::empty_like(scores);
    weights = Tensor::empty({samples, kK}, DType::f32, bench::device());
    chosen = Tensor::empty({samples, kK}, DType::i64, bench::device());
    kernels::route_top_k(scores, 1, true, probabilities, chosen, weights);
    sorted = kernels::counting_sort(chosen, num_experts, true);
    x = normal({samples, cols}), rows = normal({samples * kK, cols});
    y = Tensor::empty_like(x), drows = Tensor::empty_like(rows), dweights = Tensor::empty_like(weights);
  }

  /// A copy of n bytes reads n and writes n; the operations read and write k + 1 batches in all.
  int64_t moved() const { return x.nbytes() * (kK + 1) / 2; }

  static constexpr int64_t kK = 2;
  int64_t samples, cols, num_experts;
  Tensor scores, probabilities, chosen, x, rows, weights, y, drows, dweights;
  kernels::CountingSort sorted;
};

void top_k(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.scores.nbytes(), [&] { kernels::top_k(w.scores, w.weights, w.chosen); });
}
void route(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.scores.nbytes(),
                             [&] { kernels::route_top_k(w.scores, 1, true, w.probabilities, w.chosen, w.weights); });
}
/// route_top_k() counts its choices if that saves the sort a pass.
void route_and_sort(benchmark::State& state) {
  Problem w(state);
  Tensor counts = kernels::counts_buffer(w.samples, Problem::kK, w.num_experts, bench::device());
  bench::measure_beside_copy(state, w.scores.nbytes(), [&] {
    kernels::route_top_k(w.scores, 1, true, w.probabilities, w.chosen, w.weights, counts);
    kernels::counting_sort(w.chosen, w.num_experts, true, counts);
  });
}
void counting_sort(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, 2 * w.chosen.nbytes(),
                             [&] { kernels::counting_sort(w.chosen, w.num_experts, true); });
}
void gather_rows(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.moved(), [&] { kernels::gather_rows(w.x, w.sorted.sample, w.drows); });
}
void scatter_add_rows(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.moved(), [&] { kernels::scatter_add_rows(w.rows, w.sorted.sample, w.y); });
}
void combine(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.moved(), [&] { kernels::combine(w.rows, w.weights, w.sorted.position, w.y); });
}
void combine_backward_rows(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.moved(),
                             [&] { kernels::combine_backward_rows(w.weights, w.sorted.position, w.x, w.drows); });
}
void combine_backward_weights(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, w.moved(),
                             [&] { kernels::combine_backward_weights(w.rows, w.sorted.position, w.x, w.dweights); });
}
/// Sort, gather and combine: a whole pass of the batch, without the experts.
void dispatch_and_combine(benchmark::State& state) {
  Problem w(state);
  bench::measure_beside_copy(state, 2 * w.moved(), [&] {
    const auto sorted = kernels::counting_sort(w.chosen, w.num_experts, true);
    kernels::gather_rows(w.x, sorted.sample, w.drows);
    kernels::combine(w.drows, w.weights, sorted.position, w.y);
  });
}

}  // namespace

void bench::register_benchmarks() {
  const auto experts = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"samples", "features", "experts"})->Unit(benchmark::kMicrosecond);
    const bool tiny = options().tiny, on_gpu = device().is_cuda();
    const int64_t samples = tiny ? 64 : on_gpu ? 16384 : 4096, features = tiny ? 16 : on_gpu ? 1024 : 256;
    for (const int64_t count : {8, 64, 512}) benchmark->Args({samples, features, count});
  };
  add("dispatch_and_combine", dispatch_and_combine)->Apply(experts);
  add("top_k", top_k)->Apply(experts);
  add("route", route)->Apply(experts);
  add("route_and_sort", route_and_sort)->Apply(experts);
  add("counting_sort", counting_sort)->Apply(experts);
  add("gather_rows", gather_rows)->Apply(experts);
  add("scatter_add_rows", scatter_add_rows)->Apply(experts);
  add("combine", combine)->Apply(experts);
  add("combine_backward_rows", combine_backward_rows)->Apply(experts);
  add("combine_backward_weights", combine_backward_weights)->Apply(experts);
}

}  // namespace divvy
