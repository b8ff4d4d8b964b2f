// The precision of products, as a setting of modules.

#include "kernels/precision.h"

#include <cmath>

#include "nn/activation.h"
#include "nn/conv2d.h"
#include "nn/linear.h"
#include "nn/sequential.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

Tensor single(const Shape& shape, uint64_t seed) { return random_tensor(shape, seed, -1, 1, DType::f32); }

/// The values as a product on the CPU reads them: rounded to bf16, where the machine can and that is asked for.
Tensor read(const Tensor& t, Precision precision) {
  if (precision == Precision::f32 || !kernels::has_precision(Device::cpu(), precision)) return t;
  Tensor result = t.clone();
  for (float& value : result.mutable_values<float>()) {
    const float unit = std::exp2(std::floor(std::log2(std::abs(value))) - 7);
    if (value != 0) value = unit * std::nearbyint(value / unit);
  }
  return result;
}

struct Pass {
  Tensor y, dx;
  std::vector<Tensor> gradients;
};

Pass pass(nn::Module& net, const Tensor& x, const Tensor& dy, const Segments& segments = {}) {
  const Variable input(x, true);
  net.zero_grad();
  const Variable y = net({input, segments}).values();
  backward(y, dy);
  Pass result{y.value(), input.grad(), {}};
  for (const Variable& parameter : net.parameters()) result.gradients.push_back(parameter.grad());
  return result;
}

bool same_bits(const Pass& a, const Pass& b) {
  bool same = test::same_bits(a.y, b.y) && test::same_bits(a.dx, b.dx) && a.gradients.size() == b.gradients.size();
  for (size_t i = 0; same && i < a.gradients.size(); ++i) same = test::same_bits(a.gradients[i], b.gradients[i]);
  return same;
}

/// What a layer without bias gives in `precision` is what it gives in f32 where all that it multiplies was rounded
/// before: input and weight, upstream gradient and weight, input and upstream gradient.
void check_layer(nn::Module& layer, const Tensor& x, const Tensor& dy, Precision precision) {
  INFO(layer.describe() << " in " << name_of(precision));
  layer.set_precision(precision);
  const Pass got = pass(layer, x, dy);
  layer.set_precision(Precision::f32);
  Variable weight = layer.parameter("weight");
  const Tensor before = weight.value();
  weight.set_value(read(before, precision));
  const Pass expected = pass(layer, read(x, precision), read(dy, precision));
  weight.set_value(before);
  CHECK(difference(got.y, expected.y, 1e-5, 1e-5) == "");
  CHECK(difference(got.dx, expected.dx, 1e-5, 1e-5) == "");
  CHECK(difference(got.gradients[0], expected.gradients[0], 1e-5, 1e-4) == "");
}

constexpr int64_t kExperts = 8, kRows = 40, kWidth = 64;

/// Experts whose two layers are evaluated as one operation.
std::shared_ptr<nn::Sequential> experts(Generator generator) {
  auto net = std::make_shared<nn::Sequential>();
  const nn::LinearOptions layer{.in = kWidth, .out = kWidth, .experts = kExperts};
  net->add<nn::Linear>(layer, generator);
  net->add<nn::ReLU>();
  net->add<nn::Linear>(layer, generator);
  return net;
}

Segments segments() { return {random_offsets(kRows, kExperts, 4), {}}; }

/// Replaces one of its modules.
class Holder : public nn::Module {
 public:
  explicit Holder(const std::shared_ptr<nn::Module>& part) { register_module("part", part); }
  nn::Rows forward(const nn::Rows& x) override { return x; }
  void replace(const std::shared_ptr<nn::Module>& part) { replace_module("part", part); }
};

}  // namespace

TEST_CASE("linear layers and convolutions multiply in the precision of the module") {
  Generator generator(1);
  nn::Linear linear({.in = 40, .out = 24, .bias = false}, generator);
  // The second has the sizes of a convolution by minimal filtering, which bf16 does not take.
  nn::Conv2d strided({.in = 24, .out = 30, .kernel = 3, .stride = 2, .bias = false}, generator);
  nn::Conv2d filtered({.in = 24, .out = 30, .kernel = 3, .padding = 1, .bias = false}, generator);
  for (const Precision precision : {Precision::f32, Precision::bf16}) {
    check_layer(linear, single({19, 40}, 1), single({19, 24}, 2), precision);
    check_layer(strided, single({3, 24, 9, 9}, 3), single({3, 30, 4, 4}, 4), precision);
    check_layer(filtered, single({3, 24, 9, 9}, 5), single({3, 30, 9, 9}, 6), precision);
  }
}

TEST_CASE("two networks in one program have a precision each, and steps that are fused have it") {
  const auto exact = experts(Generator(2)), rounded = experts(Generator(2));
  rounded->set_precision(Precision::bf16);
  CHECK((*rounded)[2]->precision() == Precision::bf16);
  CHECK((*exact)[2]->precision() == Precision::f32);
  const Tensor x = single({kRows, kWidth}, 3), dy = single({kRows, kWidth}, 4);
  const Pass first = pass(*exact, x, dy, segments()), other = pass(*rounded, x, dy, segments()),
             again = pass(*exact, x, dy, segments());
  REQUIRE(rounded->plans().at(0).steps.at(0).kind == nn::StepKind::feed_forward);
  CHECK(same_bits(first, again));
  CHECK(same_bits(first, other) != kernels::has_precision(Device::cpu(), Precision::bf16));
  CHECK(difference(other.y, first.y, 0.02, 0.02) == "");
  CHECK(difference(other.dx, first.dx, 0.02, 0.02) == "");
  // Rounding is the same layer by layer, and so are the sums but for their order.
  rounded->set_fused(false);
  CHECK(difference(pass(*rounded, x, dy, segments()).y, other.y, 1e-5, 1e-5) == "");
}

TEST_CASE("layers that are given different precisions are not fused, whenever that happens") {
  const auto net = experts(Generator(2)), layers = experts(Generator(2));
  layers->set_fused(false);
  const Tensor x = single({kRows, kWidth}, 3), dy = single({kRows, kWidth}, 4);
  pass(*net, x, dy, segments());  // which plans
  for (const auto& each : {net, layers}) (*each)[0]->set_precision(Precision::bf16);
  CHECK(same_bits(pass(*net, x, dy, segments()), pass(*layers, x, dy, segments())));
}

TEST_CASE("a module that takes the place of another takes over its precision") {
  Generator generator(3);
  const auto first = std::make_shared<nn::Linear>(nn::LinearOptions{.in = 2, .out = 2}, generator);
  Holder holder(first);
  const auto second = experts(generator);
  holder.replace(second);
  CHECK((*second)[0]->precision() == Precision::f32);
  holder.set_precision(Precision::bf16);
  const auto third = experts(generator);
  holder.replace(third);
  CHECK((*third)[0]->precision() == Precision::bf16);
}

}  // namespace divvy::test
