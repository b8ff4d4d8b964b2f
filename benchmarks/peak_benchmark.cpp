#include <benchmark/benchmark.h>

#include "benchmarks/measure.h"
#include "kernels/matmul.h"
#include "tensor/generator.h"

/// The limits of the device: a memory-bound copy, and one large matrix product, by cuBLAS on a GPU.
namespace divvy {

namespace {

void copy(benchmark::State& state) {
  bench::Copy work(state.range(0));
  bench::measure_beside_copy(state, state.range(0), [&] { work(); });
}

void product(benchmark::State& state) {
  const int64_t n = state.range(0);
  Generator generator(1);
  const Tensor a = generator.normal({n, n}, 0, 1, DType::f32, bench::device()), b = a.clone();
  Tensor y = Tensor::empty_like(a);
  const auto size = static_cast<double>(n);
  bench::measure(state, 2 * size * size * size, [&] { kernels::matmul(a, b, {.transpose_b = true}, y); });
}

}  // namespace

void bench::register_benchmarks() {
  const bool tiny = options().tiny, on_gpu = device().is_cuda();
  add("copy", copy)->ArgName("bytes")->Arg(tiny ? 1 << 16 : on_gpu ? 1 << 30 : 1 << 26)->Unit(benchmark::kMicrosecond);
  add("product", product, 10)->ArgName("n")->Arg(tiny ? 32 : on_gpu ? 8192 : 1024)->Unit(benchmark::kMillisecond);
}

}  // namespace divvy
