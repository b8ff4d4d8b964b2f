// One training step of the MNIST networks: forward, objective, backward, Adam. The same work in PyTorch is
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

void training_step(benchmark::State& state, const char* kind) {
  flush_denormals(true);  // as the command does
  const int64_t batch = state.range(0), experts = state.range(1);
  const moe::ModelOptions options{
      .model = kind, .network = "mnist", .experts = experts, .k = std::min<int64_t>(2, experts)};
  Generator generator(1);
  const auto model = moe::build_model(options, generator);
  moe::Stage stage =
      moe::joint(moe::routing_of(options, true), {.importance = 0.2}, {.weight_decay = 1e-3}, 1).stages[0];
  if (options.model != "mixture") stage.objective.importance = 0;
  const auto optimizer = moe::make_optimizer(*model, stage);
  const Variable x(generator.normal({batch, 1, 28, 28}));
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

void single(benchmark::State& state) { training_step(state, "single"); }
void mixture(benchmark::State& state) { training_step(state, "mixture"); }
void top_k(benchmark::State& state) { training_step(state, "top-k"); }

BENCHMARK(single)->ArgNames({"batch", "experts"})->Args({512, 1})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(mixture)->ArgNames({"batch", "experts"})->Args({512, 10})->Unit(benchmark::kMillisecond)->UseRealTime();
BENCHMARK(top_k)->ArgNames({"batch", "experts"})->Args({512, 10})->Unit(benchmark::kMillisecond)->UseRealTime();

}  // namespace
