#include "nn/fused_stack.h"

#include <cmath>

#include "nn/activation.h"
#include "nn/conv2d.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/pool.h"
#include "nn/sequential.h"
#include "nn/softmax.h"
#include "tests/support/layer_case.h"

namespace divvy::test {

namespace {

std::shared_ptr<nn::Sequential> image_network(int64_t experts, Generator& generator, int64_t channels = 1) {
  auto net = std::make_shared<nn::Sequential>();
  net->add<nn::Conv2d>(nn::Conv2dOptions{.in = 1, .out = channels, .kernel = 3, .padding = 1, .experts = experts},
                       generator);
  net->add<nn::ReLU>();
  net->add<nn::MaxPool2d>(2);
  net->add<nn::Conv2d>(nn::Conv2dOptions{.in = channels, .out = 2, .kernel = 3, .experts = experts}, generator);
  net->add<nn::Flatten>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 2 * 3 * 3, .out = 6, .experts = experts}, generator);
  net->add<nn::ReLU>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 6, .out = 4, .bias = false, .experts = experts}, generator);
  net->add<nn::Softmax>();
  return net;
}

std::shared_ptr<nn::Sequential> feature_network(int64_t experts, Generator& generator) {
  auto net = std::make_shared<nn::Sequential>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 2, .out = 32, .experts = experts}, generator);
  net->add<nn::ReLU>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 32, .out = 16, .experts = experts}, generator);
  net->add<nn::Tanh>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 16, .out = 4, .experts = experts}, generator);
  return net;
}

struct Pass {
  Tensor y, dx;
  std::vector<Tensor> gradients;
};

Pass pass(nn::Module& net, const Tensor& x, const Segments& segments) {
  const Variable input(x, true);
  net.zero_grad();
  const Variable y = net({input, segments}).values();
  backward(y, random_tensor(y.shape(), 99, -1, 1, DType::f32));
  Pass result{y.value(), input.grad(), {}};
  for (const Variable& parameter : net.parameters()) result.gradients.push_back(parameter.grad());
  return result;
}

/// Compares the network with itself, evaluated layer by layer.
void check_network(nn::Module& net, const Tensor& x, const Segments& segments) {
  const Pass fused = pass(net, x, segments);
  const nn::LayerByLayer reference;
  const Pass layers = pass(net, x, segments);
  CHECK(difference(fused.y, layers.y, 1e-5, 1e-6) == "");
  CHECK(difference(fused.dx, layers.dx, 1e-4, 1e-5) == "");
  REQUIRE(fused.gradients.size() == layers.gradients.size());
  for (size_t i = 0; i < fused.gradients.size(); ++i) {
    CHECK(difference(fused.gradients[i], layers.gradients[i], 1e-4, 1e-5) == "");
  }
}

std::vector<std::shared_ptr<nn::Module>> modules_of(const nn::Sequential& net) {
  std::vector<std::shared_ptr<nn::Module>> modules;
  for (int64_t i = 0; i < net.size(); ++i) modules.push_back(net[i]);
  return modules;
}

/// Where the fused evaluation of a network that starts at `begin` stops.
int64_t fused_until(const nn::Sequential& net, const Tensor& x, int64_t begin = 0) {
  Variable y;
  return nn::forward_fused(modules_of(net), begin, net.size(), Variable(x), y);
}

}  // namespace

TEST_CASE("fused networks give what they give layer by layer", "[fused]") {
  Generator generator(5);
  uint64_t seed = 1;
  for (const int64_t experts : {0, 1, 4}) {
    const auto images = image_network(experts, generator), features = feature_network(experts, generator);
    for (const int64_t rows : {0, 1, 15, 16, 17, 33, 70, 150}) {
      const auto at = [&](int64_t sampled) {
        Segments segments = random_segments(experts, rows, ++seed, sampled);
        return segments;
      };
      check_network(*images, random_tensor({rows, 1, 10, 10}, ++seed, -1, 1, DType::f32), at(-1));
      check_network(*images, random_tensor({20, 1, 10, 10}, ++seed, -1, 1, DType::f32), at(20));
      check_network(*features, random_tensor({rows, 2}, ++seed, -1, 1, DType::f32), at(-1));
      check_network(*features, random_tensor({20, 2}, ++seed, -1, 1, DType::f32), at(20));
    }
  }
}

TEST_CASE("two layers of many experts are one operation", "[fused]") {
  Generator generator(8);
  const auto network = [&](int64_t experts) {
    auto net = std::make_shared<nn::Sequential>();
    net->add<nn::Linear>(nn::LinearOptions{.in = 20, .out = 500, .experts = experts}, generator);
    net->add<nn::ReLU>();
    net->add<nn::Linear>(nn::LinearOptions{.in = 500, .out = 12, .bias = false, .experts = experts}, generator);
    net->add<nn::Tanh>();
    return net;
  };
  const auto net = network(9);
  check_network(*net, random_tensor({150, 20}, 1, -1, 1, DType::f32), random_segments(9, 150, 2));
  check_network(*net, random_tensor({40, 20}, 3, -1, 1, DType::f32), random_segments(9, 150, 4, 40));
  const Variable x(Tensor::zeros({40, 20}));
  Variable y;
  CHECK(nn::forward_fused(modules_of(*net), 0, 4, {x, random_segments(9, 40, 5)}, y) == 3);
  CHECK(nn::forward_fused(modules_of(*net), 0, 2, {x, random_segments(9, 40, 5)}, y) == 0);
  CHECK(nn::forward_fused(modules_of(*network(3)), 0, 4, {x, random_segments(3, 40, 5)}, y) == 0);
  // Layers that would also fit into lanes.
  auto middling = std::make_shared<nn::Sequential>();
  middling->add<nn::Linear>(nn::LinearOptions{.in = 64, .out = 64, .experts = 8}, generator);
  middling->add<nn::ReLU>();
  middling->add<nn::Linear>(nn::LinearOptions{.in = 64, .out = 64, .experts = 8}, generator);
  middling->add<nn::ReLU>();
  const Variable wide(Tensor::zeros({500, 64}));
  CHECK(nn::forward_fused(modules_of(*middling), 0, 4, {wide, random_segments(8, 500, 6)}, y) == 3);
}

TEST_CASE("ReLU and a max-pool behind it change places, and no bit of the result does", "[fused]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const int64_t stride : {1, 2, 3}) {
      nn::Sequential net;
      net.add<nn::ReLU>();
      net.add<nn::MaxPool2d>(2, stride);
      // Few values, so that many windows have several largest pixels, and many no positive one.
      Tensor rounded = random_tensor({3, 2, 7, 8}, 1, -2.5, 1.5);
      for (double& value : rounded.mutable_values<double>()) value = std::round(value);
      const Tensor x = converted(rounded, dtype);
      const auto run = [&] {
        const Variable in(x, true);
        const Variable y = net(in);
        backward(y, random_tensor(y.shape(), 2, -1, 1, dtype));
        return std::pair(y.value(), in.grad());
      };
      const auto [y, dx] = run();
      const nn::LayerByLayer reference;
      const auto [expected_y, expected_dx] = run();
      CHECK(difference(y, expected_y, 0, 0) == "");
      CHECK(difference(dx, expected_dx, 0, 0) == "");
    }
  }
}

TEST_CASE("networks are fused as far as the layers are small and known", "[fused]") {
  Generator generator(6);
  const Tensor images = Tensor::zeros({64, 1, 10, 10}), features = Tensor::zeros({64, 2});
  const auto net = image_network(0, generator);
  CHECK(fused_until(*net, images) == 8);                              // all but the softmax
  CHECK(fused_until(*feature_network(0, generator), features) == 3);  // tanh is not one of the layers
  CHECK(fused_until(*net, images.to(Device::cpu()), 1) == 3);         // a ReLU and the pool behind it
  CHECK(fused_until(*net, images.to(Device::cpu()), 4) == 4);         // nothing else starts with a ReLU
  CHECK(fused_until(*image_network(0, generator, 9), images) == 0);   // too many channels
  CHECK(fused_until(*net, Tensor::zeros({64, 1, 10, 10}, DType::f64)) == 0);
  CHECK(fused_until(*net, Tensor::zeros({3, 1, 10, 10})) == 0);  // too few rows
  const nn::LayerByLayer reference;
  CHECK(fused_until(*net, images) == 0);
}

TEST_CASE("a layer of a user's own class is not taken for the one it derives from", "[fused]") {
  struct Doubled : nn::Linear {
    using nn::Linear::Linear;
    nn::Rows forward(const nn::Rows& x) override { return nn::Linear::forward(nn::Linear::forward(x)); }
  };
  Generator generator(7);
  auto net = std::make_shared<nn::Sequential>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 2, .out = 2}, generator);
  net->add<nn::ReLU>();
  net->add<Doubled>(nn::LinearOptions{.in = 2, .out = 2}, generator);
  CHECK(fused_until(*net, Tensor::zeros({64, 2})) == 2);
}

TEST_CASE("LayerByLayer holds while it lives, and nests", "[fused]") {
  CHECK_FALSE(nn::LayerByLayer::active());
  {
    const nn::LayerByLayer outer;
    { const nn::LayerByLayer inner; }
    CHECK(nn::LayerByLayer::active());
  }
  CHECK_FALSE(nn::LayerByLayer::active());
}

TEST_CASE("a watch sees which modules became one operation") {
  Generator generator(1);
  const auto net = image_network(0, generator);
  const Variable x(random_tensor({64, 1, 10, 10}, 2, -1, 1, DType::f32));
  const nn::FusionWatch outer;
  {
    const nn::FusionWatch inner;
    const nn::LayerByLayer reference;
    (*net)(x);
    CHECK(inner.modules().empty());
  }
  (*net)(x);
  CHECK(outer.modules().contains((*net)[0].get()));
  CHECK(outer.modules().contains((*net)[7].get()));
  CHECK(!outer.modules().contains((*net)[8].get()));  // the softmax
  CHECK(outer.modules().size() == 8);
}

}  // namespace divvy::test
