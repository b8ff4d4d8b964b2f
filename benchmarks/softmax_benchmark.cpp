#include <benchmark/benchmark.h>

#include <cstring>

#include "autograd/ops/softmax.h"
#include "kernels/softmax.h"
#include "tensor/generator.h"

/// softmax over rows, from the scores of a gate (many short rows) to those of a large classifier, beside a plain copy
/// of the same bytes: the least that any kernel that reads x and writes y can take.
namespace divvy {

namespace {

Tensor scores(const benchmark::State& state) { return Generator(1).normal({state.range(0), state.range(1)}); }

void count(benchmark::State& state, const Tensor& x, int64_t passes) {
  state.SetItemsProcessed(state.iterations() * x.numel());
  state.SetBytesProcessed(state.iterations() * x.nbytes() * passes);
}

void shapes(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"rows", "cols"})->Args({64, 10})->Args({512, 10})->Args({8192, 64})->Args({2048, 1024});
  benchmark->UseRealTime();
}

void copy(benchmark::State& state) {
  const Tensor x = scores(state);
  Tensor y = Tensor::empty_like(x);
  for (auto _ : state) {
    std::memcpy(y.mutable_bytes(), x.bytes(), static_cast<size_t>(x.nbytes()));
    benchmark::ClobberMemory();
  }
  count(state, x, 2);
}

void softmax_forward(benchmark::State& state) {
  const Tensor x = scores(state);
  Tensor y = Tensor::empty_like(x);
  for (auto _ : state) kernels::softmax(x, 1, y);
  count(state, x, 2);
}

void softmax_forward_backward(benchmark::State& state) {
  const Variable x(scores(state), true);
  const Tensor dy = scores(state);
  for (auto _ : state) {
    backward(softmax(x), dy);
    benchmark::DoNotOptimize(x.grad());
  }
  count(state, x.value(), 4);
}

BENCHMARK(copy)->Apply(shapes);
BENCHMARK(softmax_forward)->Apply(shapes);
BENCHMARK(softmax_forward_backward)->Apply(shapes);

}  // namespace

}  // namespace divvy
