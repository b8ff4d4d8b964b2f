#include <cmath>

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/pool.h"
#include "nn/sequential.h"
#include "nn/softmax.h"
#include "tensor/error.h"
#include "tests/support/layer_case.h"

namespace divvy::test {

namespace {

/// Every kind of layer that an expert can contain, for images [1, 6, 6] and 3 classes.
std::shared_ptr<nn::Sequential> image_expert(int64_t experts, Generator& generator) {
  constexpr DType f64 = DType::f64;
  auto net = std::make_shared<nn::Sequential>();
  net->add<nn::Conv2d>(
      nn::Conv2dOptions{.in = 1, .out = 2, .kernel = 3, .padding = 1, .experts = experts, .dtype = f64}, generator);
  net->add<nn::BatchNorm2d>(nn::BatchNorm2dOptions{.channels = 2, .experts = experts, .dtype = f64});
  net->add<nn::Softplus>();
  net->add<nn::MaxPool2d>(2);
  net->add<nn::Flatten>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 18, .out = 4, .experts = experts, .dtype = f64}, generator);
  net->add<nn::Tanh>();
  net->add<nn::Linear>(nn::LinearOptions{.in = 4, .out = 3, .experts = experts, .dtype = f64}, generator);
  net->add<nn::Softmax>();
  return net;
}

}  // namespace

TEST_CASE("a stack of image networks is the networks one by one", "[stacked][device]") {
  Generator generator(11);
  uint64_t seed = 1;
  for (int64_t experts : {1, 2, 5}) {
    for (int64_t rows : {0, 1, 2, 13}) {
      for (bool training : {true, false}) {
        const auto stacked = image_expert(experts, generator);
        stacked->train(training);
        const auto plain = [&] { return image_expert(0, generator); };
        check_stacked(*stacked, plain, random_tensor({4, 1, 6, 6}, seed), random_segments(experts, rows, seed, 4));
        check_stacked(*stacked, plain, random_tensor({rows, 1, 6, 6}, seed), random_segments(experts, rows, seed));
        ++seed;
      }
    }
  }
}

TEST_CASE("gradients of an image network, alone and stacked", "[stacked][device]") {
  Generator generator(12);
  uint64_t seed = 1;
  for (int64_t experts : {0, 1, 3}) {
    for (int64_t rows : {0, 1, 5}) {
      const auto net = image_expert(experts, generator);
      check_gradients(*net, random_tensor({3, 1, 6, 6}, seed), random_segments(experts, rows, seed, 3));
      ++seed;
    }
  }
}

TEST_CASE("an error in the gradient names the layer and the expert", "[stacked]") {
  Generator generator(13);
  const auto net = image_expert(2, generator);
  const Segments segments{Tensor::from<int64_t>({0, 1, 2}), {}};
  const Variable y = (*(*net)[5])({Variable(Tensor::zeros({2, 18}, DType::f64)), segments}).values();
  Tensor cotangent = Tensor::zeros(y.shape(), DType::f64);
  cotangent.mutable_data<double>()[4] = HUGE_VAL;  // row 1, so expert 1
  try {
    backward(y, cotangent);
    FAIL("nothing was thrown");
  } catch (const NonFiniteError& error) {
    CHECK(error.layer.rfind("5.", 0) == 0);
    CHECK(error.part == NonFiniteError::Part{"expert", 1});
  }
}

}  // namespace divvy::test
