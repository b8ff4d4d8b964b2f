// One training step of the MNIST and CIFAR-10 networks: forward, objective, backward, Adam. The same work in PyTorch is
// pytorch_training_step.py; compare_training_step.py runs both by turns and prints the ratio.

#include <benchmark/benchmark.h>

#include "kernels/flops.h"
#include "moe/models.h"
#include "moe/trainer.h"
#include "nn/optimizer.h"
#include "tensor/allocator.h"
#include "tensor/denormals.h"

namespace {

using namespace divvy;

void training_step(benchmark::State& state, const char* kind, const char* network, const Shape& sample) {
  flush_denormals(true);  // as the command does
  const int64_t batch = state.range(0), experts = state.range(1);
  const moe::ModelOptions options{
      .model = kind, .network = network, .experts = experts, .k = std::min<int64_t>(2, experts)};
  Generator generator(1);
  const auto model = moe::build_model(options, generator);
  moe::Stage stage =
      moe::joint(moe::routing_of(options, true), {.importance = 0.2}, {.weight_decay = 1e-3}, 1).stages[0];
  if (options.model != "mixture") stage.objective.importance = 0;
  const auto optimizer = moe::make_optimizer(*model, stage);
  const Variable x(generator.normal(Shape{batch}.concat(sample)));
  Tensor labels = Tensor::empty({batch}, DType::i64);
  for (int64_t& label : labels.mutable_values<int64_t>()) label = generator.integer(10);

  const auto step = [&] { moe::train_step(*model, stage, *optimizer, x, labels, generator); };
  step();
  int64_t flops = 0;
  {
    const FlopCounter counter;
    step();
    flops = counter.flops();
  }
  const int64_t before = allocator(Device::cpu()).stats().system_allocations;
  for (auto _ : state) step();
  state.SetItemsProcessed(state.iterations() * batch);
  state.counters["GFLOP/s"] =
      benchmark::Counter(static_cast<double>(flops) * 1e-9, benchmark::Counter::kIsIterationInvariantRate);
  state.counters["system_allocations"] =
      static_cast<double>(allocator(Device::cpu()).stats().system_allocations - before);
}

const Shape kDigit{1, 28, 28}, kPhotograph{3, 32, 32};

void single(benchmark::State& state) { training_step(state, "single", "mnist", kDigit); }
void mixture(benchmark::State& state) { training_step(state, "mixture", "mnist", kDigit); }
void top_k(benchmark::State& state) { training_step(state, "top-k", "mnist", kDigit); }
void cifar10_mixture(benchmark::State& state) { training_step(state, "mixture", "cifar10", kPhotograph); }
void cifar10_top_k(benchmark::State& state) { training_step(state, "top-k", "cifar10", kPhotograph); }

void sizes(benchmark::internal::Benchmark* benchmark, int64_t batch, int64_t experts) {
  benchmark->ArgNames({"batch", "experts"})->Args({batch, experts})->Unit(benchmark::kMillisecond)->UseRealTime();
}

BENCHMARK(single)->Apply([](auto* b) { sizes(b, 512, 1); });
BENCHMARK(mixture)->Apply([](auto* b) { sizes(b, 512, 10); });
BENCHMARK(top_k)->Apply([](auto* b) { sizes(b, 512, 10); });
BENCHMARK(cifar10_mixture)->Apply([](auto* b) { sizes(b, 256, 10); });
BENCHMARK(cifar10_top_k)->Apply([](auto* b) { sizes(b, 256, 10); });

}  // namespace
