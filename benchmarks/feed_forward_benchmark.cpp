#include <benchmark/benchmark.h>

#include "autograd/ops/combine.h"
#include "benchmarks/peak.h"
#include "kernels/flops.h"
#include "moe/dispatch.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tensor/generator.h"

/// A layer of feed-forward experts, forward and backward: dispatch, two linear layers with ReLU between them, combine.
/// The same work in PyTorch is pytorch_feed_forward.py; compare_feed_forward.py runs both by turns.
namespace divvy {

namespace {

/// k different experts for each sample, uniformly.
Tensor choose(int64_t samples, int64_t experts, int64_t k, Generator& generator) {
  Tensor chosen = Tensor::empty({samples, k}, DType::i64);
  auto values = chosen.mutable_values<int64_t>();
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t first = generator.integer(experts), step = experts > 1 ? 1 + generator.integer(experts - 1) : 0;
    for (int64_t j = 0; j < k; ++j) values[static_cast<size_t>(b * k + j)] = (first + j * step) % experts;
  }
  return chosen;
}

void layer(benchmark::State& state, int64_t samples, int64_t experts, int64_t k, int64_t size, int64_t hidden) {
  Generator generator(1);
  nn::Sequential network;
  network.add<nn::Linear>(nn::LinearOptions{.in = size, .out = hidden, .experts = experts}, generator);
  network.add<nn::ReLU>();
  network.add<nn::Linear>(nn::LinearOptions{.in = hidden, .out = size, .experts = experts}, generator);
  const Variable x(generator.normal({samples, size}), true), weights(generator.uniform({samples, k}), true);
  const Tensor chosen = choose(samples, experts, k, generator), dy = generator.normal({samples, size});
  const auto step = [&] {
    const auto dispatch = moe::Dispatch::of(chosen, experts);
    backward(combine(network.forward(x, dispatch.segments), weights, dispatch.position), dy);
    network.zero_grad();
    Variable(x).zero_grad();
    Variable(weights).zero_grad();
  };
  step();
  const FlopCounter counter;
  step();
  const auto operations = static_cast<double>(counter.flops());
  bench::run_beside_peak(state, operations, step);
  state.SetItemsProcessed(state.iterations() * samples);
}

/// Forward and backward of experts 256-1024-256, two for each of 2,048 samples, on as many threads as asked for.
void feed_forward(benchmark::State& state) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  layer(state, 2048, 16, 2, 256, 1024);
  set_num_threads(before);
}

/// The same products for however many experts there are: what conditional computation promises to cost.
void cost_law(benchmark::State& state) { layer(state, 4096, state.range(0), state.range(1), 64, 128); }

BENCHMARK(feed_forward)->ArgName("threads")->Arg(1)->Arg(2)->Arg(4)->UseManualTime()->Unit(benchmark::kMillisecond);
BENCHMARK(cost_law)
    ->ArgNames({"experts", "k"})
    ->ArgsProduct({{8, 16, 32, 64, 128, 256, 512}, {2}})
    ->ArgsProduct({{8, 64}, {1, 4, 8}})
    ->UseManualTime()
    ->Unit(benchmark::kMillisecond);

}  // namespace

}  // namespace divvy
