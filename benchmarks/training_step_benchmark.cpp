// One training step of the MNIST and CIFAR-10 networks: forward, objective, backward, Adam. The same work in PyTorch is
// pytorch_training_step.py; compare_cpu.py and, on a GPU, compare_cuda.py run both by turns.

#include <benchmark/benchmark.h>

#include "benchmarks/measure.h"
#include "kernels/flops.h"
#include "moe/models.h"
#include "moe/trainer.h"
#include "nn/optimizer.h"
#include "tensor/allocator.h"
#include "tensor/denormals.h"

namespace divvy {

namespace {

/// Milliseconds are those of one step. On a GPU an iteration is so many of them, each with another batch, without a
/// pause: so a host that cannot start kernels as fast as they end is part of the time.
constexpr int kDeviceSteps = 10;
constexpr size_t kDeviceBatches = 8;

void training_step(benchmark::State& state, const char* kind, const char* network, const Shape& sample) {
  flush_denormals(true);  // as the command does
  const int64_t batch = state.range(0), experts = state.range(1);
  const moe::ModelOptions options{
      .model = kind, .network = network, .experts = experts, .k = std::min<int64_t>(2, experts)};
  const Device device = bench::device();
  Generator generator(1);
  const auto model = moe::build_model(options, generator);
  model->to(device);
  moe::Stage stage =
      moe::joint(moe::routing_of(options, true), {.importance = 0.2}, {.weight_decay = 1e-3}, 1).stages[0];
  if (options.model != "mixture") stage.objective.importance = 0;
  const auto optimizer = moe::make_optimizer(*model, stage);
  std::vector<Variable> inputs;
  std::vector<Tensor> labels;
  for (size_t i = 0; i < (device.is_cuda() ? kDeviceBatches : 1); ++i) {
    inputs.emplace_back(generator.normal(Shape{batch}.concat(sample)).to(device));
    Tensor of_batch = Tensor::empty({batch}, DType::i64);
    for (int64_t& label : of_batch.mutable_values<int64_t>()) label = generator.integer(10);
    labels.push_back(of_batch.to(device));
  }

  size_t next = 0;
  const auto step = [&] {
    moe::train_step(*model, stage, *optimizer, inputs[next], labels[next], generator);
    next = (next + 1) % inputs.size();
  };
  step();
  int64_t flops = 0;
  {
    const FlopCounter counter;
    step();
    flops = counter.flops();
  }
  const int64_t before = allocator(device).stats().system_allocations;
  if (device.is_cuda()) {
    bench::DeviceTimer timer(device);
    const int steps = bench::options().tiny ? 1 : kDeviceSteps;
    std::vector<double> times;
    for (auto _ : state) {
      timer.start();
      for (int i = 0; i < steps; ++i) step();
      times.push_back(timer.stop() / steps);
      state.SetIterationTime(times.back());
    }
    state.counters["us"] = bench::median(times) * 1e6;
    state.counters["GFLOP/s"] = static_cast<double>(flops) / bench::median(times) * 1e-9;
  } else {
    bench::run_beside_peak(state, static_cast<double>(flops), step);
  }
  state.SetItemsProcessed(state.iterations() * batch);
  state.counters["system_allocations"] = static_cast<double>(allocator(device).stats().system_allocations - before);
}

const Shape kDigit{1, 28, 28}, kPhotograph{3, 32, 32};

void single(benchmark::State& state) { training_step(state, "single", "mnist", kDigit); }
void mixture(benchmark::State& state) { training_step(state, "mixture", "mnist", kDigit); }
void top_k(benchmark::State& state) { training_step(state, "top-k", "mnist", kDigit); }
void cifar10_mixture(benchmark::State& state) { training_step(state, "mixture", "cifar10", kPhotograph); }
void cifar10_top_k(benchmark::State& state) { training_step(state, "top-k", "cifar10", kPhotograph); }

}  // namespace

void bench::register_benchmarks() {
  const auto sizes = [](const char* name, void (*function)(benchmark::State&), int64_t batch, int64_t experts) {
    add(name, function)
        ->ArgNames({"batch", "experts"})
        ->Args({options().tiny ? 8 : batch, experts})
        ->Unit(benchmark::kMillisecond);
  };
  sizes("single", single, 512, 1);
  sizes("mixture", mixture, 512, 10);
  sizes("top_k", top_k, 512, 10);
  if (options().tiny) return;
  sizes("cifar10_mixture", cifar10_mixture, 256, 10);
  sizes("cifar10_top_k", cifar10_top_k, 256, 10);
}

}  // namespace divvy
