#include <benchmark/benchmark.h>

#include "autograd/flops.h"
#include "autograd/ops/combine.h"
#include "autograd/ops/feed_forward.h"
#include "benchmarks/choose.h"
#include "benchmarks/measure.h"
#include "kernels/precision.h"
#include "moe/model/dispatch.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tensor/generator.h"

/// A layer of feed-forward experts, forward and backward: dispatch, two linear layers with ReLU between them, combine.
/// The same work in PyTorch is pytorch_feed_forward.py; compare_cpu.py and, on a GPU, compare_cuda.py run both
/// alternately.
namespace divvy {

namespace {

void layer(benchmark::State& state, int64_t samples, int64_t experts, int64_t k, int64_t size, int64_t hidden,
           Precision precision = Precision::f32) {
  Generator generator(1);
  nn::Sequential network;
  network.add<nn::Linear>(nn::LinearOptions{.in = size, .out = hidden, .experts = experts}, generator);
  network.add<nn::ReLU>();
  network.add<nn::Linear>(nn::LinearOptions{.in = hidden, .out = size, .experts = experts}, generator);
  const Device device = bench::device();
  network.to(device);
  network.set_precision(precision);
  const Variable x(generator.normal({samples, size}).to(device), true);
  const Variable weights(generator.uniform({samples, k}).to(device), true);
  const Tensor chosen = bench::choose(samples, experts, k, generator).to(device);
  const Tensor dy = generator.normal({samples, size}).to(device);
  const auto step = [&] {
    const auto dispatch = moe::Dispatch::of(chosen, experts, true);
    const Variable y = combine(network.forward({x, dispatch.segments}).values(), weights, dispatch.position);
    const auto operations = static_cast<double>(flops({y}).total());
    backward(y, dy);
    network.zero_grad();
    Variable(x).zero_grad();
    Variable(weights).zero_grad();
    return operations;
  };
  const double operations = step();
  bench::measure(state, operations, step);
  state.SetItemsProcessed(state.iterations() * samples);
}

/// The same on a GPU, without biases, in the sizes of large models; with the backward pass if `backward`.
void device_layer(benchmark::State& state, bool backward) {
  const int64_t samples = state.range(0), experts = state.range(1), k = state.range(2), size = state.range(3),
                hidden = state.range(4);
  const auto precision = static_cast<Precision>(state.range(5));
  const Device device = bench::device();
  Generator generator(1);
  const auto normal = [&](const Shape& shape, double deviation) {
    return generator.normal(shape, 0, deviation, DType::f32, device);
  };
  const Variable up(normal({experts, hidden, size}, 0.02), backward),
      down(normal({experts, size, hidden}, 0.02), backward);
  const Variable x(normal({samples, size}, 1), backward);
  const Variable weights(generator.uniform({samples, k}, 0, 1, DType::f32, device), backward);
  const Tensor chosen = bench::choose(samples, experts, k, generator).to(device), dy = normal({samples, size}, 1);
  bench::measure(state, (backward ? 12.0 : 4.0) * static_cast<double>(samples * k * size * hidden), [&] {
    const auto dispatch = moe::Dispatch::of(chosen, experts, true);
    const Variable rows = divvy::feed_forward(x, up, {}, down, {}, dispatch.segments, precision);
    const Variable y = combine(rows, weights, dispatch.position);
    if (!backward) return;
    divvy::backward(y, dy);
    for (Variable leaf : {up, down, x, weights}) leaf.zero_grad();
  });
}
void layer_forward(benchmark::State& state) { device_layer(state, false); }
void layer_forward_backward(benchmark::State& state) { device_layer(state, true); }

/// Forward and backward of experts 256-1024-256, two for each of 2,048 samples, for a given number of threads.
void feed_forward_in(benchmark::State& state, Precision precision) {
  const int before = num_threads();
  set_num_threads(static_cast<int>(state.range(0)));
  layer(state, 2048, 16, 2, 256, 1024, precision);
  set_num_threads(before);
}
void feed_forward(benchmark::State& state) { feed_forward_in(state, Precision::f32); }

/// The same with the operands of products rounded to bf16, if the machine has bf16 instructions.
void feed_forward_bf16(benchmark::State& state) { feed_forward_in(state, Precision::bf16); }

/// The same products for different numbers of experts: with conditional computation their cost should not depend on it.
void cost_law(benchmark::State& state) { layer(state, 4096, state.range(0), state.range(1), 64, 128); }

struct Size {
  int64_t samples, experts, k, size, hidden;
};

std::vector<Size> device_sizes() {
  if (bench::options().tiny) return {{24, 4, 1, 16, 32}, {16, 4, 2, 20, 12}};
  return {{16384, 8, 1, 1024, 4096},
          {16384, 8, 2, 1024, 4096},
          {16384, 64, 1, 1024, 4096},
          {16384, 64, 2, 1024, 4096},
          {32768, 128, 8, 2048, 768}};
}

}  // namespace

void bench::register_benchmarks() {
  if (device().is_cuda()) {
    const auto layers = [](benchmark::internal::Benchmark* benchmark) {
      benchmark->ArgNames({"samples", "experts", "k", "size", "hidden", "precision"});
      benchmark->Unit(benchmark::kMillisecond);
      for (const Precision precision : precisions()) {
        for (const Size& s : device_sizes()) {
          benchmark->Args({s.samples, s.experts, s.k, s.size, s.hidden, static_cast<int64_t>(precision)});
        }
      }
    };
    add("layer_forward", layer_forward, 10)->Apply(layers);
    add("layer_forward_backward", layer_forward_backward, 10)->Apply(layers);
    if (options().tiny) return;
  } else {
    add("feed_forward", feed_forward)
        ->ArgName("threads")
        ->RangeMultiplier(2)
        ->Range(1, 8)
        ->Unit(benchmark::kMillisecond);
    add("feed_forward_bf16", feed_forward_bf16)->ArgName("threads")->Arg(1)->Arg(2)->Unit(benchmark::kMillisecond);
  }
  add("cost_law", cost_law)
      ->ArgNames({"experts", "k"})
      ->ArgsProduct({{8, 16, 32, 64, 128, 256, 512}, {2}})
      ->ArgsProduct({{8, 64}, {1, 4, 8}})
      ->Unit(benchmark::kMillisecond);
}

}  // namespace divvy
