// Training steps beside other busy processes: how long they take, and how many times their fair share of the cores.

#include <benchmark/benchmark.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <vector>

#include "benchmarks/measure.h"
#include "moe/model/models.h"
#include "moe/training/trainer.h"
#include "nn/optimizer.h"
#include "tensor/denormals.h"

namespace divvy {

namespace {

/// Processes that do nothing but use a core each.
class BusyProcesses {
 public:
  explicit BusyProcesses(int64_t count) {
    for (int64_t i = 0; i < count; ++i) {
      const pid_t child = fork();
      if (child == 0) {
        for (volatile int64_t spins = 0;;) spins = spins + 1;
      }
      if (child > 0) children_.push_back(child);
    }
  }
  ~BusyProcesses() {
    for (const pid_t child : children_) {
      kill(child, SIGKILL);
      waitpid(child, nullptr, 0);
    }
  }
  BusyProcesses(const BusyProcesses&) = delete;
  BusyProcesses& operator=(const BusyProcesses&) = delete;

 private:
  std::vector<pid_t> children_;
};

/// Steps of the MNIST mixture of ten experts.
class Steps {
 public:
  Steps() {
    const moe::ModelOptions options{.model = "mixture", .network = "mnist", .experts = 10};
    stage_ = moe::joint(moe::routing_of(options, true), {}, {}, 1).stages[0];
    model_ = moe::build_model(options, generator_);
    optimizer_ = moe::make_optimizer(*model_, stage_);
    const int64_t batch = bench::options().tiny ? 8 : 512;
    input_ = Variable(generator_.normal({batch, 1, 28, 28}));
    labels_ = Tensor::empty({batch}, DType::i64);
    for (int64_t& label : labels_.mutable_values<int64_t>()) label = generator_.integer(10);
  }

  /// Seconds of `count` steps by the clock on the wall.
  double operator()(int count) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < count; ++i) {
      moe::train_step(*model_, stage_, *optimizer_, input_, labels_, generator_);
    }
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  }

 private:
  Generator generator_{1};
  moe::Stage stage_;
  std::shared_ptr<moe::Model> model_;
  std::unique_ptr<nn::Optimizer> optimizer_;
  Variable input_;
  Tensor labels_;
};

/// Counters: ms of a step, times_alone (against steps without company just before) and times_fair_share: the same
/// divided by what remains of the cores for this many threads beside `busy` others.
void shared_cores(benchmark::State& state) {
  flush_denormals(true);  // as the program does
  const int64_t busy = state.range(0);
  const int count = bench::options().tiny ? 1 : 100;
  Steps steps;
  steps(count);
  std::vector<double> times, ratios;
  for (auto _ : state) {
    const double alone = steps(count);
    const BusyProcesses others(busy);
    times.push_back(steps(count) / count);
    ratios.push_back(times.back() * count / alone);
    state.SetIterationTime(times.back());
  }
  const double threads = num_threads(), cores = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  const double fair = std::max(1.0, (threads + static_cast<double>(busy)) / std::max(threads, cores));
  state.counters["ms"] = bench::median(times) * 1e3;
  state.counters["times_alone"] = bench::median(ratios);
  state.counters["times_fair_share"] = bench::median(ratios) / fair;
}

}  // namespace

void bench::register_benchmarks() {
  if (device().is_cuda()) return;
  auto* benchmark = benchmark::RegisterBenchmark("shared_cores", shared_cores);
  benchmark->UseManualTime()->Unit(benchmark::kMillisecond)->ArgName("busy")->Iterations(options().tiny ? 1 : 3);
  for (const int64_t busy : {0, 1, 2, 4}) benchmark->Arg(busy);
}

}  // namespace divvy
