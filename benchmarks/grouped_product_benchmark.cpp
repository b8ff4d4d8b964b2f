#include <benchmark/benchmark.h>

#include "benchmarks/choose.h"
#include "benchmarks/measure.h"
#include "kernels/counting_sort.h"
#include "kernels/grouped_matmul.h"
#include "kernels/matmul.h"
#include "kernels/precision.h"
#include "tensor/generator.h"

/// The grouped product, forward and backward: on the CPU compared with the peak of multiply-adds measured along with
/// it, on a GPU in each precision, compared with one dense product by cuBLAS of as many operations.
namespace divvy {

namespace {

/// Samples that each choose k different experts, and the parameters of the experts.
struct Problem {
  Problem(int64_t samples, int64_t experts, int64_t k, int64_t inputs, int64_t outputs, bool gather = true) {
    Generator generator(1);
    const Device device = bench::device();
    const auto normal = [&](const Shape& shape) { return generator.normal(shape, 0, 1, DType::f32, device); };
    const Tensor chosen = bench::choose(samples, experts, k, generator).to(device);
    auto sorted = kernels::counting_sort(chosen, experts, true);
    segments = {sorted.offsets, gather ? sorted.sample : Tensor()};
    x = normal({gather ? samples : samples * k, inputs});
    weight = normal({experts, outputs, inputs});
    bias = normal({experts, outputs});
    dy = normal({samples * k, outputs});
    y = Tensor::empty_like(dy), dx = Tensor::empty_like(x), dweight = Tensor::empty_like(weight);
    dbias = Tensor::empty_like(bias);
    operations = 2.0 * static_cast<double>(samples * k * inputs * outputs);
  }

  void forward() { kernels::grouped_matmul(x, weight, bias, segments, y, precision); }
  void backward_input() { kernels::grouped_matmul_backward_input(dy, weight, segments, dx, precision); }
  void backward_weight() { kernels::grouped_matmul_backward_weight(x, dy, segments, dweight, precision); }
  void backward_bias() { kernels::grouped_matmul_backward_bias(dy, segments, dbias); }

  Segments segments;
  Precision precision = Precision::f32;
  Tensor x, weight, bias, dy, y, dx, dweight, dbias;
  double operations;
};

enum class Part { forward, backward_input, backward_weight };

/// The precision applies only to a GPU.
void one_product(benchmark::State& state, Part part) {
  Problem work(state.range(0), state.range(1), state.range(2), state.range(3), state.range(4));
  work.precision = static_cast<Precision>(state.range(5));
  bench::measure(state, work.operations, [&] {
    switch (part) {
      case Part::forward: return work.forward();
      case Part::backward_input: return work.backward_input();
      case Part::backward_weight: return work.backward_weight();
    }
  });
}
void forward(benchmark::State& state) { one_product(state, Part::forward); }
void backward_input(benchmark::State& state) { one_product(state, Part::backward_input); }
void backward_weight(benchmark::State& state) { one_product(state, Part::backward_weight); }

/// The same number of operations in one product of f32 matrices; by cuBLAS on a GPU.
void dense(benchmark::State& state) {
  const int64_t rows = state.range(0), inputs = state.range(1), outputs = state.range(2);
  Generator generator(1);
  const Tensor x = generator.normal({rows, inputs}, 0, 1, DType::f32, bench::device());
  const Tensor weight = generator.normal({outputs, inputs}, 0, 1, DType::f32, bench::device());
  Tensor y = Tensor::empty({rows, outputs}, DType::f32, bench::device());
  bench::measure(state, 2.0 * static_cast<double>(rows * inputs * outputs),
                 [&] { kernels::matmul(x, weight, {.transpose_b = true}, y); });
}

/// The two linear layers of feed-forward experts 256-1024-256, without the ReLU between them.
void feed_forward(benchmark::State& state) {
  Problem up(2048, 16, 2, 256, 1024), down(2048, 16, 2, 1024, 256, false);
  bench::measure(state, 3 * (up.operations + down.operations), [&] {
    up.forward(), down.forward();
    down.backward_input(), down.backward_weight(), down.backward_bias();
    up.backward_input(), up.backward_weight(), up.backward_bias();
  });
}

/// The same work for a given number of threads.
void threads(benchmark::State& state) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  feed_forward(state);
  set_num_threads(before);
}

struct Size {
  int64_t samples, experts, k, inputs, outputs;
};

std::vector<Size> sizes() {
  if (bench::options().tiny) return {{24, 2, 1, 16, 32}, {16, 4, 2, 20, 9}};
  if (bench::device().is_cuda()) {
    return {{16384, 8, 1, 1024, 4096}, {16384, 64, 2, 1024, 4096}, {32768, 128, 8, 2048, 768}};
  }
  std::vector<Size> all = {{2048, 16, 2, 256, 1024}, {2048, 16, 2, 1024, 256}};
  for (const int64_t outputs : {1, 8, 15, 16, 17, 31, 32, 33}) all.push_back({2048, 16, 2, 64, outputs});
  // The same number of operations for every number of experts.
  for (int64_t experts = 8; experts <= 512; experts *= 4) all.push_back({4096, experts, 2, 64, 128});
  return all;
}

}  // namespace

void bench::register_benchmarks() {
  const auto products = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"samples", "experts", "k", "inputs", "outputs", "precision"});
    benchmark->Unit(benchmark::kMicrosecond);
    for (const Precision precision : precisions()) {
      for (const Size& s : sizes()) {
        benchmark->Args({s.samples, s.experts, s.k, s.inputs, s.outputs, static_cast<int64_t>(precision)});
      }
    }
  };
  add("forward", forward)->Apply(products);
  add("backward_input", backward_input)->Apply(products);
  add("backward_weight", backward_weight)->Apply(products);
  auto* one = add("dense", dense)->ArgNames({"rows", "inputs", "outputs"})->Unit(benchmark::kMicrosecond);
  for (const Size& s : sizes()) one->Args({s.samples * s.k, s.inputs, s.outputs});
  if (device().is_cuda()) return;
  add("feed_forward", feed_forward)->Unit(benchmark::kMillisecond);
  add("threads", threads)->Arg(1)->Arg(2)->Arg(4)->Unit(benchmark::kMillisecond);
}

}  // namespace divvy
