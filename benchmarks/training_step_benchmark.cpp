// One training step of the MNIST and CIFAR-10 networks: forward, objective, backward, Adam. The same work in PyTorch is
// pytorch_training_step.py; compare_cpu.py and, on a GPU, compare_cuda.py run both alternately.

#include <benchmark/benchmark.h>

#include <optional>

#include "autograd/flops.h"
#include "benchmarks/measure.h"
#include "moe/model/models.h"
#include "moe/training/stepper.h"
#include "moe/training/trainer.h"
#include "nn/optimizer.h"
#include "tensor/allocator.h"
#include "tensor/denormals.h"

namespace divvy {

namespace {

/// The number of steps in an iteration on a GPU, each with another batch, without waiting in between: the time includes
/// the delay of a host that launches kernels more slowly than they run. Reported milliseconds are those of one step.
constexpr int kDeviceSteps = 10;
constexpr size_t kDeviceBatches = 8;

moe::Stage stage_of(const moe::ModelOptions& options) {
  const moe::Objective objective{.regularizers = {{"importance", options.model == "mixture" ? 0.2 : 0}}};
  return moe::joint(moe::routing_of(options, true), objective, {.weight_decay = 1e-3}, 1).stages[0];
}

/// A model, its batches and its training steps, as in moe/training/trainer.h.
class Training {
 public:
  Training(const moe::ModelOptions& options, int64_t batch, const Shape& sample, bool graph)
      : stage_(stage_of(options)), model_(moe::build_model(options, generator_)), sums_(stage_.objective, device_) {
    model_->to(device_);
    optimizer_ = moe::make_optimizer(*model_, stage_);
    for (size_t i = 0; i < (device_.is_cuda() ? kDeviceBatches : 1); ++i) {
      inputs_.emplace_back(generator_.normal(Shape{batch}.concat(sample)).to(device_));
      Tensor of_batch = Tensor::empty({batch}, DType::i64);
      for (int64_t& label : of_batch.mutable_values<int64_t>()) label = generator_.integer(10);
      labels_.push_back(of_batch.to(device_));
    }
    if (device_.is_cpu()) return;
    watch_.emplace(device_);
    stepper_.emplace(*model_, stage_, *optimizer_, generator_, sums_, &*watch_,
                     moe::Stepper::Options{.cuda_graph = graph});
  }

  void step() {
    if (stepper_) {
      stepper_->step(inputs_[next_].value(), labels_[next_]);
    } else {
      moe::train_step(*model_, stage_, *optimizer_, inputs_[next_], labels_[next_], generator_);
    }
    next_ = (next_ + 1) % inputs_.size();
  }

  /// The operations of the products of a step, forward and backward.
  double operations() {
    const moe::Forward forward = model_->run(inputs_[0], stage_.routing, generator_, moe::Supervision(labels_[0]));
    return static_cast<double>(flops({forward.output, forward.routing.scores}).total());
  }

  /// Throws if a step failed; waits for the device.
  void check() const {
    if (!stepper_) return;
    watch_->check();
    if (!stepper_->obstacle().empty()) fail<DeviceError>("no graph: {}", stepper_->obstacle());
  }

 private:
  Device device_ = bench::device();
  Generator generator_{1};
  moe::Stage stage_;
  std::shared_ptr<moe::Model> model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  moe::EpochSums sums_;
  std::optional<FiniteWatch> watch_;
  std::optional<moe::Stepper> stepper_;
  std::vector<Variable> inputs_;
  std::vector<Tensor> labels_;
  size_t next_ = 0;
};

void training_step(benchmark::State& state, const char* kind, const char* network, const Shape& sample,
                   bool graph = false) {
  flush_denormals(true);  // as the program does
  const int64_t batch = state.range(0), experts = state.range(1);
  const Device device = bench::device();
  Training training({.model = kind, .network = network, .experts = experts, .k = std::min<int64_t>(2, experts)}, batch,
                    sample, graph);
  training.step();
  const double operations = training.operations();
  const int64_t before = allocator(device).stats().system_allocations;
  if (device.is_cuda()) {
    bench::DeviceTimer timer(device);
    const int steps = bench::options().tiny ? 1 : kDeviceSteps;
    std::vector<double> times;
    for (auto _ : state) {
      timer.start();
      for (int i = 0; i < steps; ++i) training.step();
      times.push_back(timer.stop() / steps);
      state.SetIterationTime(times.back());
    }
    training.check();
    state.counters["us"] = bench::median(times) * 1e6;
    state.counters["GFLOP/s"] = operations / bench::median(times) * 1e-9;
  } else {
    bench::run_beside_peak(state, operations, [&] { training.step(); });
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

// The same, replayed as a CUDA graph.
void mixture_graph(benchmark::State& state) { training_step(state, "mixture", "mnist", kDigit, true); }
void top_k_graph(benchmark::State& state) { training_step(state, "top-k", "mnist", kDigit, true); }
void cifar10_mixture_graph(benchmark::State& state) { training_step(state, "mixture", "cifar10", kPhotograph, true); }
void cifar10_top_k_graph(benchmark::State& state) { training_step(state, "top-k", "cifar10", kPhotograph, true); }

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
  if (device().is_cuda()) {
    sizes("mixture_graph", mixture_graph, 512, 10);
    sizes("top_k_graph", top_k_graph, 512, 10);
  }
  if (options().tiny) return;
  sizes("cifar10_mixture", cifar10_mixture, 256, 10);
  sizes("cifar10_top_k", cifar10_top_k, 256, 10);
  if (device().is_cpu()) return;
  sizes("cifar10_mixture_graph", cifar10_mixture_graph, 256, 10);
  sizes("cifar10_top_k_graph", cifar10_top_k_graph, 256, 10);
}

}  // namespace divvy
