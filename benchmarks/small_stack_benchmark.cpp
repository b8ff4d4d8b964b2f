// The experts of the MNIST networks as one operation, with the samples in the lanes: forward, and forward and backward;
// all experts for every sample, and two of them.

#include <benchmark/benchmark.h>

#include "autograd/flops.h"
#include "autograd/ops/small_stack.h"
#include "benchmarks/measure.h"
#include "moe/model/dispatch.h"
#include "tensor/generator.h"

namespace divvy {

namespace {

const std::vector<SmallLayer> kLayers = {{.out = 1, .kernel = 3, .relu = true, .pool = true},
                                         {.out = 5, .relu = true},
                                         {.out = 32, .relu = true},
                                         {.out = 10}};

/// The dispatch of each sample to k random experts, or to all of them for k = experts.
moe::Dispatch dispatch_of(int64_t samples, int64_t experts, int64_t k, Generator& generator) {
  if (k == experts) return moe::Dispatch::dense(samples, experts, bench::device());
  Tensor chosen = Tensor::empty({samples, k}, DType::i64);
  auto* expert = chosen.mutable_data<int64_t>();
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t first = generator.integer(experts);
    for (int64_t j = 0; j < k; ++j) expert[b * k + j] = (first + j) % experts;
  }
  return moe::Dispatch::of(chosen.to(bench::device()), experts, true);
}

void small_stack(benchmark::State& state, bool backward) {
  const int64_t samples = state.range(0), experts = state.range(1), k = state.range(2);
  Generator generator(1);
  const moe::Dispatch dispatch = dispatch_of(samples, experts, k, generator);
  const Variable x(generator.normal({samples, 1, 28, 28}).to(bench::device()));
  std::vector<Variable> weights, biases;
  const Shape shapes[] = {{experts, 1, 1, 3, 3}, {experts, 5, 169}, {experts, 32, 5}, {experts, 10, 32}};
  for (const Shape& shape : shapes) {
    weights.emplace_back(generator.normal(shape, 0, 0.2).to(bench::device()), backward);
    biases.emplace_back(generator.normal({experts, shape[1]}, 0, 0.2).to(bench::device()), backward);
  }
  const Tensor dy = generator.normal({dispatch.rows(), 10}).to(bench::device());
  const auto run = [&] {
    const Variable y = divvy::small_stack(x, kLayers, weights, biases, dispatch.segments);
    if (!backward) return y;
    divvy::backward(y, dy);
    for (Variable& weight : weights) weight.zero_grad();
    for (Variable& bias : biases) bias.zero_grad();
    return y;
  };
  // Without gradients nothing is recorded that could be counted.
  const Variable wanting(x.value(), true);
  const Flops count = flops({divvy::small_stack(wanting, kLayers, weights, biases, dispatch.segments)});
  bench::measure(state, static_cast<double>(backward ? flops({run()}).total() : count.forward), run);
}

void small_stack_forward(benchmark::State& state) { small_stack(state, false); }
void small_stack_forward_backward(benchmark::State& state) { small_stack(state, true); }

}  // namespace

void bench::register_benchmarks() {
  const auto sizes = [](benchmark::internal::Benchmark* benchmark) {
    benchmark->ArgNames({"batch", "experts", "k"})->Unit(benchmark::kMicrosecond);
    for (const int64_t k : {10, 2}) benchmark->Args({options().tiny ? 8 : 512, 10, k});
    if (device().is_cuda() && !options().tiny) benchmark->Args({8192, 10, 10})->Args({8192, 10, 2});
  };
  add("small_stack_forward", small_stack_forward)->Apply(sizes);
  add("small_stack_forward_backward", small_stack_forward_backward)->Apply(sizes);
}

}  // namespace divvy
