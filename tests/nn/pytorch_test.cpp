#include <functional>

#include "nn/activation.h"
#include "nn/adam.h"
#include "nn/batch_norm.h"
#include "nn/clip.h"
#include "nn/conv2d.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/loss.h"
#include "nn/pool.h"
#include "nn/rmsprop.h"
#include "nn/sequential.h"
#include "nn/sgd.h"
#include "nn/softmax.h"
#include "tests/nn/pytorch_fixture.h"

namespace divvy::test {

namespace {

using MakeLayer = std::function<std::shared_ptr<nn::Module>(DType, Generator&)>;
using MakeOptimizer = std::function<std::unique_ptr<nn::Optimizer>(const Variable&)>;

std::shared_ptr<nn::Module> small_net(DType dtype, Generator& generator) {
  auto net = std::make_shared<nn::Sequential>();
  net->add<nn::Conv2d>(nn::Conv2dOptions{.in = 1, .out = 4, .kernel = 3, .padding = 1, .bias = false, .dtype = dtype},
                       generator);
  net->add<nn::BatchNorm2d>(nn::BatchNorm2dOptions{.channels = 4, .dtype = dtype});
  net->add<nn::ReLU>();
  net->add<nn::MaxPool2d>(2);
  net->add<nn::Flatten>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 36, .out = 8, .dtype = dtype}, generator);
  net->add<nn::Tanh>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 8, .out = 5, .dtype = dtype}, generator);
  return net;
}

template <class Layer, class... Args>
MakeLayer simple(Args... args) {
  return [=](DType, Generator&) { return std::make_shared<Layer>(args...); };
}

template <class Layer, class Options>
MakeLayer with_options(const Options& options) {
  return [=](DType dtype, Generator& generator) {
    Options own = options;
    own.dtype = dtype;
    return std::make_shared<Layer>(own, generator);
  };
}

std::map<std::string, MakeLayer> all_layers() {
  return {
      {"linear", with_options<nn::Linear>(nn::LinearOptions{.in = 5, .out = 3})},
      {"linear_no_bias", with_options<nn::Linear>(nn::LinearOptions{.in = 5, .out = 3, .bias = false})},
      {"conv2d", with_options<nn::Conv2d>(
                     nn::Conv2dOptions{.in = 4, .out = 6, .kernel = 3, .stride = 2, .padding = 1, .groups = 2})},
      {"conv2d_no_bias", with_options<nn::Conv2d>(nn::Conv2dOptions{.in = 2, .out = 3, .kernel = 2, .bias = false})},
      {"batch_norm_train", with_options<nn::BatchNorm2d>(nn::BatchNorm2dOptions{.channels = 3})},
      {"batch_norm_eval", with_options<nn::BatchNorm2d>(nn::BatchNorm2dOptions{.channels = 3})},
      {"max_pool2d", simple<nn::MaxPool2d>(2)},
      {"avg_pool2d", simple<nn::AvgPool2d>(3, 2)},
      {"global_avg_pool2d", simple<nn::GlobalAvgPool2d>()},
      {"flatten", simple<nn::Flatten>()},
      {"relu", simple<nn::ReLU>()},
      {"tanh", simple<nn::Tanh>()},
      {"sigmoid", simple<nn::Sigmoid>()},
      {"gelu", simple<nn::GELU>()},
      {"softplus", simple<nn::Softplus>()},
      {"softmax", simple<nn::Softmax>()},
      {"net", small_net}};
}

template <class O, class Options>
MakeOptimizer optimizer(const Options& options) {
  return [=](const Variable& parameter) { return std::make_unique<O>(std::vector<Variable>{parameter}, options); };
}

std::map<std::string, MakeOptimizer> all_optimizers() {
  using nn::AdamOptions, nn::AdamWOptions, nn::RMSpropOptions, nn::SGDOptions;
  std::map<std::string, MakeOptimizer> table;
  const std::pair<std::string, double> decays[] = {{"", 0.0}, {"_weight_decay", 0.1}};
  for (const auto& [suffix, decay] : decays) {
    table["sgd" + suffix] = optimizer<nn::SGD>(SGDOptions{.lr = 0.1, .weight_decay = decay});
    table["sgd_momentum" + suffix] = optimizer<nn::SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = decay});
    table["sgd_nesterov" + suffix] =
        optimizer<nn::SGD>(SGDOptions{.lr = 0.1, .momentum = 0.9, .weight_decay = decay, .nesterov = true});
    table["rmsprop" + suffix] = optimizer<nn::RMSprop>(RMSpropOptions{.lr = 0.01, .weight_decay = decay});
    table["rmsprop_momentum" + suffix] =
        optimizer<nn::RMSprop>(RMSpropOptions{.lr = 0.01, .weight_decay = decay, .momentum = 0.9});
    table["adam" + suffix] = optimizer<nn::Adam>(AdamOptions{.lr = 0.01, .weight_decay = decay});
    table["adam_amsgrad" + suffix] =
        optimizer<nn::Adam>(AdamOptions{.lr = 0.01, .weight_decay = decay, .amsgrad = true});
    table["adamw" + suffix] = optimizer<nn::AdamW>(AdamWOptions{.lr = 0.01, .weight_decay = decay});
    table["adamw_amsgrad" + suffix] =
        optimizer<nn::AdamW>(AdamWOptions{.lr = 0.01, .weight_decay = decay, .amsgrad = true});
  }
  table["rmsprop_alpha_eps"] = optimizer<nn::RMSprop>(RMSpropOptions{.lr = 0.01, .alpha = 0.9, .eps = 1e-4});
  table["adam_betas_eps"] = optimizer<nn::Adam>(AdamOptions{.lr = 0.02, .beta1 = 0.8, .beta2 = 0.95, .eps = 1e-4});
  return table;
}

}  // namespace

TEST_CASE("layers give PyTorch's values, gradients and statistics", "[pytorch]") {
  const Fixture fixture("layers");
  const auto table = all_layers();
  check_same_cases(fixture, table);
  for (const auto& [name, make] : table) {
    for (DType dtype : {DType::f64, DType::f32}) {
      Generator generator;
      const auto layer = make(dtype, generator);
      layer->train(name != "batch_norm_eval");
      check_module(fixture, name, *layer, dtype);
    }
  }
}

TEST_CASE("optimizers take PyTorch's steps", "[pytorch]") {
  const Fixture fixture("optimizers");
  const auto table = all_optimizers();
  check_same_cases(fixture, table);
  for (const auto& [name, make] : table) {
    for (DType dtype : {DType::f64, DType::f32}) {
      INFO(name << " in " << name_of(dtype));
      Variable parameter(fixture.at(name + "/start", dtype), true);
      const auto own = make(parameter);
      const Tensor gradients = fixture.at(name + "/gradients", dtype), values = fixture.at(name + "/values");
      REQUIRE(gradients.size(0) == 10);
      for (int64_t step = 0; step < gradients.size(0); ++step) {
        parameter.mutable_grad() = gradients[step].clone();
        own->step();
        INFO("step " << step);
        CHECK(difference_from_fixture(parameter.value(), values[step]) == "");
      }
    }
  }
}

TEST_CASE("a network is trained as PyTorch trains it", "[pytorch]") {
  const Fixture fixture("training");
  Generator generator;
  const auto net = small_net(DType::f64, generator);
  net->load_state_dict(fixture.below("state.", DType::f64));
  nn::Adam adam(net->parameters(), {.lr = 0.01, .weight_decay = 1e-3});
  const Tensor x = fixture.at("x"), labels = fixture.at("labels"), losses = fixture.at("losses"),
               norms = fixture.at("norms");
  for (int64_t step = 0; step < x.size(0); ++step) {
    INFO("step " << step);
    adam.zero_grad();
    const Variable loss = nn::cross_entropy((*net)(Variable(x[step])), labels[step]);
    backward(loss);
    CHECK(loss.value().item() == Approx(losses[step].item()).epsilon(1e-9));
    CHECK(nn::clip_grad_norm(net->parameters(), 0.5) == Approx(norms[step].item()).epsilon(1e-9));
    adam.step();
  }
  const auto after = fixture.below("after.", DType::f64);
  for (const auto& [name, value] : net->state_dict()) {
    INFO(name);
    CHECK(difference(value, after.at(name), 1e-8, 1e-9) == "");
  }
}

}  // namespace divvy::test
