#include <benchmark/benchmark.h>

#include "autograd/ops/softmax.h"
#include "benchmarks/measure.h"
#include "kernels/softmax.h"
#include "tensor/generator.h"

/// softmax over rows, from the scores of a gate (many short rows) to those of a large classifier, compared with a plain
/// copy of the same bytes, which is a lower bound for any kernel that reads x and writes y.
namespace divvy {

namespace {

Tensor scores(const benchmark::State& state) {
  return Generator(1).normal({state.range(0), state.range(1)}, 0, 1, DType::f32, bench::device());
}

void softmax_forward(benchmark::State& state) {
  const Tensor x = scores(state);
  Tensor y = Tensor::empty_like(x);
  bench::measure_beside_copy(state, x.nbytes(), [&] { kernels::softmax(x, 1, y); });
}

/// Forward reads x and writes y; backward reads y and dy and writes dx.
void softmax_forward_backward(benchmark::State& state) {
  const Variable x(scores(state), true);
  const Tensor dy = scores(state);
  bench::measure_beside_copy(state, x.value().nbytes() * 5 / 2, [&] {
    backward(softmax(x), dy);
    benchmark::DoNotOptimize(x.grad());
    Variable(x).zero_grad();
  });
}

}  // namespace

void bench::register_benchmarks() {
  const auto shapes = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"rows", "cols"})->Unit(benchmark::kMicrosecond);
    if (options().tiny) {
      benchmark->Args({64, 10});
      return;
    }
    benchmark->Args({512, 10})->Args({8192, 64})->Args({2048, 1024});
    if (device().is_cuda()) benchmark->Args({32768, 128})->Args({16384, 4096});
  };
  add("softmax_forward", softmax_forward)->Apply(shapes);
  add("softmax_forward_backward", softmax_forward_backward)->Apply(shapes);
}

}  // namespace divvy
