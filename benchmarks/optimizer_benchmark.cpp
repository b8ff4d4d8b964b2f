#include <benchmark/benchmark.h>

#include "benchmarks/measure.h"
#include "kernels/adam.h"
#include "kernels/sgd.h"
#include "tensor/generator.h"

/// One update of a number of parameters, compared with a copy of the bytes that it moves.
namespace divvy {

namespace {

struct Parameters {
  explicit Parameters(int64_t count) {
    Generator generator(1);
    value = generator.normal({count}, 0, 1, DType::f32, bench::device());
    gradient = generator.normal({count}, 0, 1, DType::f32, bench::device());
  }
  Tensor value, gradient;
};

void adam(benchmark::State& state) {
  Parameters p(state.range(0));
  kernels::AdamMoments moments{Tensor::zeros_like(p.value), Tensor::zeros_like(p.value), {}};
  // Four numbers are read and three are written.
  bench::measure_beside_copy(state, p.value.nbytes() * 7 / 2,
                             [&] { kernels::adam(p.gradient, {.lr = 1e-3}, moments, p.value); });
}

void sgd(benchmark::State& state) {
  Parameters p(state.range(0));
  Tensor velocity = Tensor::zeros_like(p.value);
  bench::measure_beside_copy(state, p.value.nbytes() * 5 / 2,
                             [&] { kernels::sgd(p.gradient, {.lr = 1e-3, .momentum = 0.9}, velocity, p.value); });
}

}  // namespace

void bench::register_benchmarks() {
  // A small model, an expert's layer, and the layers of eight experts 1024-4096-1024.
  const auto sizes = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgName("parameters")->Unit(benchmark::kMicrosecond);
    if (options().tiny) {
      benchmark->Arg(1000);
      return;
    }
    benchmark->Arg(1 << 14)->Arg(1 << 22);
    if (device().is_cuda()) benchmark->Arg(1 << 26);
  };
  add("adam", adam)->Apply(sizes);
  add("sgd", sgd)->Apply(sizes);
}

}  // namespace divvy
