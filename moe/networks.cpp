#include "moe/networks.h"

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/pool.h"
#include "nn/softmax.h"
#include "tensor/error.h"

namespace divvy::moe {

const std::vector<NetworkPair>& networks() {
  static const std::vector<NetworkPair> all = {
      {"mnist", "1x28x28; expert conv 1, 5-32; gate conv 1, 128-32", {1, 28, 28}, {{{}}, {5, 32}}, {{{}}, {128, 32}}},
      {"mnist-small",
       "1x28x28; expert conv 1, 5-10; gate conv 1, 128-64",
       {1, 28, 28},
       {{{}}, {5, 10}},
       {{{}}, {128, 64}}},
      {"fashion-mnist",
       "1x28x28; expert conv 1, 64-32; gate conv 8 with batch norm, 512-32",
       {1, 28, 28},
       {{{}}, {64, 32}},
       {{{.channels = 8, .batch_norm = true}}, {512, 32}}},
      {"fashion-mnist-and-mnist",
       "1x28x28; expert conv 1, 5-32; gate conv 1 k5, 128-32",
       {1, 28, 28},
       {{{}}, {5, 32}},
       {{{.kernel = 5}}, {128, 32}}},
      {"fashion-mnist-and-mnist-small",
       "1x28x28; expert conv 1, 5-10; gate conv 1 k5, 128-64",
       {1, 28, 28},
       {{{}}, {5, 10}},
       {{{.kernel = 5}}, {128, 64}}},
      {"linear-2d", "2 features; expert linear; gate linear", {2}, {}, {}},
      {"shallow-2d", "2 features; expert 4; gate linear", {2}, {{}, {4}}, {}},
      {"deep-2d", "2 features; expert 32-16-4; gate 32-16", {2}, {{}, {32, 16, 4}}, {{}, {32, 16}}},
  };
  return all;
}

const NetworkPair& find_network(std::string_view name) {
  std::string known;
  for (const NetworkPair& pair : networks()) {
    if (pair.name == name) return pair;
    known += fmt::format("{}{}", known.empty() ? "" : ", ", pair.name);
  }
  fail<ValueError>("unknown network '{}'; known are {}", name, known);
}

std::shared_ptr<nn::Sequential> build_network(const NetworkPlan& plan, const NetworkOptions& options,
                                              Generator& generator) {
  auto network = std::make_shared<nn::Sequential>();
  const int64_t experts = options.experts;
  int64_t features = options.sample.numel();
  if (!plan.blocks.empty()) {
    if (options.sample.rank() != 3) {
      fail<ShapeError>("a network with convolutions needs samples [C, H, W], got {}", options.sample);
    }
    int64_t channels = options.sample[0], height = options.sample[1], width = options.sample[2];
    for (const ConvBlock& block : plan.blocks) {
      const int64_t shrink = block.kernel - 1 - 2 * block.padding;
      height -= shrink, width -= shrink;
      if (height < 1 || width < 1) {
        fail<ShapeError>("a sample {} is too small for this network: a {}x{} convolution leaves nothing",
                         options.sample, block.kernel, block.kernel);
      }
      network->push_back(std::make_shared<nn::Conv2d>(nn::Conv2dOptions{.in = channels,
                                                                        .out = block.channels,
                                                                        .kernel = block.kernel,
                                                                        .padding = block.padding,
                                                                        .bias = block.bias,
                                                                        .experts = experts,
                                                                        .dtype = options.dtype},
                                                      generator));
      if (block.batch_norm) {
        network->push_back(std::make_shared<nn::BatchNorm2d>(
            nn::BatchNorm2dOptions{.channels = block.channels, .experts = experts, .dtype = options.dtype}));
      }
      network->push_back(std::make_shared<nn::ReLU>());
      if (block.pool) {
        network->push_back(std::make_shared<nn::MaxPool2d>(2));
        height /= 2, width /= 2;
        if (height < 1 || width < 1) fail<ShapeError>("a sample {} is too small for this network", options.sample);
      }
      channels = block.channels;
    }
    features = channels * height * width;
  }
  if (!plan.blocks.empty() || options.sample.rank() > 1) network->push_back(std::make_shared<nn::Flatten>());
  const auto linear = [&](int64_t in, int64_t out) {
    return std::make_shared<nn::Linear>(
        nn::LinearOptions{.in = in, .out = out, .experts = experts, .dtype = options.dtype}, generator);
  };
  for (int64_t width : plan.hidden) {
    network->push_back(linear(features, width));
    network->push_back(std::make_shared<nn::ReLU>());
    features = width;
  }
  network->push_back(linear(features, options.outputs));
  if (options.softmax) network->push_back(std::make_shared<nn::Softmax>());
  return network;
}

}  // namespace divvy::moe
