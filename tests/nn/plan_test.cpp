#include "nn/plan.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/reshape.h"
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
  net.set_fused(false);
  const Pass layers = pass(net, x, segments);
  net.set_fused(true);
  CHECK(difference(fused.y, layers.y, 1e-5, 1e-6) == "");
  CHECK(difference(fused.dx, layers.dx, 1e-4, 1e-5) == "");
  REQUIRE(fused.gradients.size() == layers.gradients.size());
  for (size_t i = 0; i < fused.gradients.size(); ++i) {
    CHECK(difference(fused.gradients[i], layers.gradients[i], 1e-4, 1e-5) == "");
  }
}

using Kind = nn::StepKind;

std::vector<nn::Step> steps_of(const nn::Sequential& net, const Shape& shape, DType dtype = DType::f32) {
  return net.plan({shape, dtype}).steps;
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
  const auto network = [&](int64_t experts, int64_t in, int64_t hidden) {
    auto net = std::make_shared<nn::Sequential>();
    net->add<nn::Linear>(nn::LinearOptions{.in = in, .out = hidden, .experts = experts}, generator);
    net->add<nn::ReLU>();
    net->add<nn::Linear>(nn::LinearOptions{.in = hidden, .out = 12, .bias = false, .experts = experts}, generator);
    net->add<nn::Tanh>();
    return net;
  };
  const auto net = network(9, 20, 500);
  check_network(*net, random_tensor({150, 20}, 1, -1, 1, DType::f32), random_segments(9, 150, 2));
  check_network(*net, random_tensor({40, 20}, 3, -1, 1, DType::f32), random_segments(9, 150, 4, 40));
  const nn::Step pair{Kind::feed_forward, 0, 3}, tanh{Kind::layer, 3, 4};
  for (const int64_t rows : {0, 1, 40, 5000}) CHECK(steps_of(*net, {rows, 20}) == std::vector{pair, tanh});
  const std::vector<nn::Step> layers{{Kind::layer, 0, 1}, {Kind::layer, 1, 2}, {Kind::layer, 2, 3}, tanh};
  CHECK(steps_of(*net, {40, 20}, DType::f64) == layers);
  CHECK(steps_of(*network(3, 20, 500), {40, 20}) == layers);  // few experts
  const std::vector<std::shared_ptr<nn::Module>> front{(*net)[0], (*net)[1]};
  CHECK(nn::plan(front, 0, 2, {{40, 20}}).steps == std::vector(layers.begin(), layers.begin() + 2));

  // Layers that also fit into lanes: wider ones are one operation of their own for any number of rows, narrow ones
  // where there are too few rows for lanes.
  auto middling = std::make_shared<nn::Sequential>();
  middling->add<nn::Linear>(nn::LinearOptions{.in = 64, .out = 64, .experts = 8}, generator);
  middling->add<nn::ReLU>();
  middling->add<nn::Linear>(nn::LinearOptions{.in = 64, .out = 64, .experts = 8}, generator);
  middling->add<nn::ReLU>();
  CHECK(steps_of(*middling, {500, 64}) == std::vector<nn::Step>{pair, {Kind::layer, 3, 4}});
  const auto narrow = network(8, 20, 30);
  const nn::Step lanes{Kind::small_stack, 0, 3, {{.out = 30, .relu = true}, {.out = 12}}};
  CHECK(steps_of(*narrow, {8 * 32, 20}) == std::vector{lanes, tanh});
  CHECK(steps_of(*narrow, {8 * 32 - 1, 20}) == std::vector{pair, tanh});
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
      CHECK(net.plans() == std::vector<nn::Plan>{{{x.shape(), dtype}, {{Kind::relu_after_pool, 0, 2}}}});
      net.set_fused(false);
      const auto [expected_y, expected_dx] = run();
      CHECK(difference(y, expected_y, 0, 0) == "");
      CHECK(difference(dx, expected_dx, 0, 0) == "");
    }
  }
}

TEST_CASE("networks are fused as far as the layers are small and known", "[fused]") {
  Generator generator(6);
  const std::vector<SmallLayer> image_layers{{.out = 1, .kernel = 3, .padding = 1, .relu = true, .pool = true},
                                             {.out = 2, .kernel = 3},
                                             {.out = 6, .relu = true},
                                             {.out = 4}};
  for (const int64_t experts : {0, 1, 4}) {
    const int64_t networks = std::max<int64_t>(experts, 1);
    const auto images = image_network(experts, generator), features = feature_network(experts, generator);
    const std::vector<nn::Step> fused{{Kind::small_stack, 0, 8, image_layers}, {Kind::layer, 8, 9}};
    CHECK(steps_of(*images, {4 * networks, 1, 10, 10}) == fused);
    CHECK(steps_of(*images, {512, 1, 10, 10}) == fused);
    // Of few rows most lanes would be empty; the pool goes before the ReLU for any number.
    for (const int64_t rows : {int64_t{0}, 4 * networks - 1}) {
      std::vector<nn::Step> layers{{Kind::layer, 0, 1}, {Kind::relu_after_pool, 1, 3}};
      for (int64_t i = 3; i < 9; ++i) layers.push_back({Kind::layer, i, i + 1});
      CHECK(steps_of(*images, {rows, 1, 10, 10}) == layers);
    }
    CHECK(steps_of(*features, {32 * networks, 2}) ==
          std::vector<nn::Step>{{Kind::small_stack, 0, 3, {{.out = 32, .relu = true}, {.out = 16}}},
                                {Kind::layer, 3, 4},  // tanh is not one of the layers
                                {Kind::layer, 4, 5}});
    CHECK(steps_of(*features, {1, 2}).size() == 5);
  }
  const auto net = image_network(0, generator);
  CHECK(steps_of(*image_network(0, generator, 9), {64, 1, 10, 10})[0].kind == Kind::layer);  // too many channels
  CHECK(steps_of(*net, {64, 1, 10, 10}, DType::f64)[0].kind == Kind::layer);
  nn::PlanInput reference{{64, 1, 10, 10}};
  reference.fused = false;
  CHECK(net->plan(reference).steps.size() == 9);
  CHECK_FALSE(net->plan(reference).fuses());
  CHECK(nn::Sequential().plan({{3, 2}}).steps.empty());
  CHECK(net->plan({{64, 1, 10, 10}}).to_string() == "64 rows of [1, 10, 10]: 0-7 small stack, 8 layer by layer");
  CHECK(net->plan({{3, 1, 10, 10}}).to_string() ==
        "3 rows of [1, 10, 10]: 0 layer by layer (3 rows of at least 4), 1-2 max-pool before ReLU, 3-8 layer by layer "
        "(3: 3 rows of at least 4; 5: 3 rows of at least 32 and not stacked; 7: 3 rows of at least 32)");
  CHECK_THROWS_WITH(net->plan({{64, 2, 10, 10}}), Catch::Contains("does not fit"));
  CHECK_THROWS_WITH(nn::plan({}, 0, 1, {{64, 2}}), Catch::Contains("no modules [0, 1), there are 0"));
}

TEST_CASE("a plan says why layers are by themselves", "[fused]") {
  Generator generator(6);
  const auto text = [](const nn::Sequential& net, const Shape& shape, DType dtype = DType::f32) {
    const std::string line = net.plan({shape, dtype}).to_string();
    return line.substr(line.find("]: ") + 3);
  };
  CHECK(text(*image_network(0, generator, 17), {64, 1, 10, 10}) ==
        "0 layer by layer (17 channels of at most 8), 1-2 max-pool before ReLU, "
        "3-4 layer by layer (3: 17 channels of at most 8), 5-7 small stack, 8 layer by layer");
  const auto features = feature_network(3, generator);
  CHECK(text(*features, {64, 2}) ==
        "0-4 layer by layer (0: 64 rows of at least 96 and 3 experts of at least 8; 2, 4: 64 rows of at least 96)");
  CHECK(text(*features, {320, 2}) == "0-2 small stack, 3-4 layer by layer (4: nothing behind it to fuse with)");
  CHECK(text(*features, {320, 2}, DType::f64) == "0-4 layer by layer (0, 2, 4: a weight in f32)");
  nn::PlanInput reference{{320, 2}};
  reference.fused = false;
  const nn::Plan plan = features->plan(reference);
  CHECK(plan.to_string() == "320 rows of [2]: 0-4 layer by layer (0, 2, 4: fused evaluation is off)");
  CHECK_FALSE(plan.fuses());
  CHECK(plan.has_candidates());
  // Both kinds of a fused step, and a reason of each.
  const auto pair = [&](int64_t experts) {
    nn::Sequential net;
    net.add<nn::Linear>(nn::LinearOptions{.in = 100, .out = 100, .experts = experts}, generator);
    net.add<nn::ReLU>();
    net.add<nn::Linear>(nn::LinearOptions{.in = 100, .out = 4, .experts = experts}, generator);
    return text(net, {500, 100});
  };
  CHECK(pair(0) ==
        "0-2 layer by layer (0: 10000 weights of at most 8192 and not stacked; 2: nothing behind it to fuse with)");
  CHECK(
      pair(3) ==
      "0-2 layer by layer (0: 10000 weights of at most 8192 and 3 experts of at least 8; 2: nothing behind it to fuse "
      "with)");
  nn::Sequential softmax;
  softmax.add<nn::Softmax>();
  CHECK_FALSE(softmax.plan({{3, 2}}).has_candidates());
  CHECK(softmax.plan({{3, 2}}).to_string() == "3 rows of [2]: 0 layer by layer");
  for (const auto& [options, reason] :
       {std::pair(nn::Conv2dOptions{.in = 2, .out = 2, .kernel = 3, .stride = 2}, "a stride of 2"),
        {{.in = 2, .out = 2, .kernel = 3, .groups = 2}, "2 groups"},
        {{.in = 2, .out = 2, .kernel = 7}, "filters of 7x7 rather than 3x3 or 5x5"}}) {
    nn::Sequential net;
    net.add<nn::Conv2d>(options, generator);
    CHECK(net.plan({{64, 2, 10, 10}}).steps.at(0).reason == reason);
  }
}

TEST_CASE("behind a layer that does not say what it gives, modules are planned for what is there", "[fused]") {
  struct Image : nn::Rowwise {
    Variable apply(const Variable& x) override { return reshape(x, {x.size(0), 1, 10, 10}); }
  };
  Generator generator(7);
  nn::Sequential net;
  net.add<Image>();
  net.push_back(image_network(0, generator)->operator[](0));
  net.add<nn::ReLU>();
  const Shape shape{64, 100};
  CHECK(net.plan({shape}).end() == 1);
  CHECK(net.plan({shape}).to_string() == "64 rows of [100]: 0 layer by layer (says nothing of itself)");
  net(Variable(random_tensor(shape, 1, -1, 1, DType::f32)));
  const SmallLayer layer{.out = 1, .kernel = 3, .padding = 1, .relu = true};
  CHECK(net.plans() == std::vector<nn::Plan>{{{shape}, {{Kind::layer, 0, 1}}},
                                             {{{64, 1, 10, 10}}, {{Kind::small_stack, 1, 3, {layer}}}}});
}

TEST_CASE("a layer of a user's own class is evaluated by its forward", "[fused]") {
  struct Doubled : nn::Module {
    explicit Doubled(Generator& generator)
        : linear(register_module("linear",
                                 std::make_shared<nn::Linear>(nn::LinearOptions{.in = 2, .out = 2}, generator))) {}
    nn::Rows forward(const nn::Rows& x) override { return (*linear)((*linear)(x)); }
    std::shared_ptr<nn::Linear> linear;
  };
  Generator generator(7);
  nn::Sequential net;
  net.add<nn::Linear>(nn::LinearOptions{.in = 2, .out = 2}, generator);
  net.add<nn::ReLU>();
  net.add<Doubled>(generator);
  CHECK(steps_of(net, {64, 2}) ==
        std::vector<nn::Step>{{Kind::small_stack, 0, 2, {{.out = 2, .relu = true}}}, {Kind::layer, 2, 3}});
}

TEST_CASE("a network plans anew when its input, its modules or the setting change", "[fused]") {
  Generator generator(1);
  auto net = sequential(image_network(0, generator));
  const auto& inner = (*net)[0];
  const auto first_step = [&](int64_t rows) {
    (*net)(Variable(random_tensor({rows, 1, 10, 10}, 2, -1, 1, DType::f32)));
    REQUIRE(inner->plans().size() == 1);
    CHECK(inner->plans()[0].input.shape[0] == rows);
    return inner->plans()[0].steps[0].kind;
  };
  CHECK(inner->plans().empty());
  CHECK(first_step(64) == Kind::small_stack);
  CHECK(first_step(3) == Kind::layer);
  CHECK(first_step(64) == Kind::small_stack);
  net->set_fused(false);  // and all below
  CHECK_FALSE(inner->is_fused());
  CHECK(first_step(64) == Kind::layer);
  net->set_fused(true);
  CHECK(first_step(64) == Kind::small_stack);
  static_cast<nn::Sequential&>(*inner).add<nn::Tanh>();
  CHECK(inner->plans().empty());
  CHECK(first_step(64) == Kind::small_stack);
  CHECK(inner->plans()[0].end() == 10);
}

}  // namespace divvy::test
