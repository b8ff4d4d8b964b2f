// CUDA graphs of `divvy train`: what is refused, what the plan says, and that they change no bit.

#include "apps/run/device_plan.h"
#include "apps/run/training_plan.h"
#include "apps/settings/options.h"
#include "tests/apps/workplace.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using namespace app;

/// kSmall, with its plan and progress.
const std::string kTold = "train --data multi-class --net hidden-2d --experts 3 --epochs 2 --batch 512 ";

TrainConfig small_config(Device device = {}) {
  TrainConfig config;
  config.data = "multi-class";
  config.method.model.network = "hidden-2d";
  config.device = device;
  return config;
}

}  // namespace

TEST_CASE("the plan says how steps are taken on a GPU") {
  const auto line = [](TrainConfig config) {
    const Plan plan = make_plan(config);
    CHECK(plan.trainer.cuda_graph == (config.cuda_graph != CudaGraph::off));
    const std::string text = describe(plan, config);
    const size_t begin = text.find("device ");
    return begin == std::string::npos ? "" : text.substr(begin, text.find('\n', begin) - begin);
  };
  CHECK(line(small_config()).empty());
  TrainConfig config = small_config(Device::cuda(1));
  CHECK(line(config) == "device    cuda:1, steps replayed as a CUDA graph");
  config.cuda_graph = CudaGraph::on;
  CHECK(line(config) == "device    cuda:1, steps replayed as a CUDA graph");
  config.cuda_graph = CudaGraph::automatic;
  config.method.model.model = "no-gate-self-information";
  CHECK(line(config) == "device    cuda:1, step by step, since the scores of experts get random noise");
  config.method.model.model = "mixture";
  config.recipe = "no-gate-then-gate";
  CHECK(mentions(line(config), "; "));
  config.cuda_graph = CudaGraph::off;
  CHECK(line(config) == "device    cuda:1, step by step");
}

TEST_CASE("a graph that cannot be is refused where it was asked for") {
  const auto message = [](TrainConfig config) {
    config.cuda_graph = CudaGraph::on;
    return refusal<UsageError>([&] { make_plan(config); });
  };
  CHECK(mentions(message(small_config()), "--cuda-graph on: there are no CUDA graphs on the CPU"));
  TrainConfig noisy = small_config(Device::cuda());
  noisy.method.model.model = "no-gate-self-information";
  CHECK(mentions(message(noisy), "--cuda-graph on: steps cannot be recorded, since the scores of experts get random"));
  const Workplace work;
  const Result refused = work.run(kTold + "--cuda-graph on --run-dir run");
  CHECK(refused.code == 2);
  CHECK(mentions(refused.err, "add --device cuda"));
  CHECK(!std::filesystem::exists(work.path() / "run"));
  CHECK(work.run(kTold + "--cuda-graph sometimes").code == 2);
}

TEST_CASE("a planned training on a device gives the same weights with a graph and without", "[device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const auto trained = [&](CudaGraph graph, int64_t replayed) {
      TrainConfig config = small_config(device);
      config.cuda_graph = graph;
      config.method.model.experts = 3;
      config.method.epochs = 2;
      config.batch = 20;
      data::Splits data = planned_data(config);
      data.train = data.train.slice(0, 90);
      data.validation = data.validation.slice(0, 10);
      const Plan plan = make_plan(config, data);
      plan.model->to(device);
      moe::TrainerHooks hooks;
      int64_t replays = 0;
      hooks.on_epoch = [&](const moe::EpochReport& report) { replays += report.replayed_steps; };
      CHECK(moe::train(*plan.model, plan.recipe, plan.data, plan.trainer, hooks));
      CHECK(replays == replayed);
      return plan.model->state_dict();
    };
    const nn::StateDict expected = trained(CudaGraph::off, 0), on = trained(CudaGraph::on, 7),
                        automatic = trained(CudaGraph::automatic, 7);
    for (const auto& [name, value] : expected) {
      INFO(name);
      CHECK(same_bits(on.at(name).to(Device::cpu()), value.to(Device::cpu())));
      CHECK(same_bits(automatic.at(name).to(Device::cpu()), value.to(Device::cpu())));
    }
  }
}

}  // namespace divvy::test
