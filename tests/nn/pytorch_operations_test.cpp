#include <functional>

#include "autograd/ops/binary.h"
#include "autograd/ops/broadcast.h"
#include "autograd/ops/clamp.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/grouped_matmul.h"
#include "autograd/ops/index_select.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/pairwise_distance.h"
#include "autograd/ops/pick.h"
#include "autograd/ops/pool2d.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/rows.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/top_k.h"
#include "autograd/ops/unary.h"
#include "autograd/ops/where.h"
#include "nn/loss.h"
#include "tests/nn/pytorch_fixture.h"

namespace divvy::test {

namespace {

using Inputs = std::vector<Variable>;
using Operation = std::function<Variable(const Inputs& in, const Tensor& index)>;
using Table = std::map<std::string, Operation>;

template <class F>
Operation one(const F& f) {
  return [f](const Inputs& in, const Tensor&) { return f(in[0]); };
}

template <class F>
Operation two(const F& f) {
  return [f](const Inputs& in, const Tensor&) { return f(in[0], in[1]); };
}

void add_elementwise(Table& table) {
  using Unary = Variable (*)(const Variable&);
  const std::pair<const char*, Unary> unary[] = {
      {"exp", exp},           {"log", log},         {"sqrt", sqrt},    {"rsqrt", rsqrt}, {"abs", abs},
      {"tanh", tanh},         {"sigmoid", sigmoid}, {"relu", relu},    {"gelu", gelu},   {"erf", erf},
      {"softplus", softplus}, {"neg", neg},         {"square", square}};
  for (const auto& [name, function] : unary) table[name] = one(function);
  table["clamp"] = one([](const Variable& x) { return clamp(x, -0.5, 0.75); });
  using Binary = Variable (*)(const Variable&, const Variable&);
  const std::pair<std::string, Binary> binary[] = {
      {"add", add}, {"sub", sub}, {"mul", mul}, {"div", div}, {"pow", pow}, {"maximum", maximum}, {"minimum", minimum}};
  for (const auto& [name, function] : binary) table[name] = table[name + "_broadcast"] = two(function);
  table["where"] = [](const Inputs& in, const Tensor& index) {
    std::vector<uint8_t> condition;
    for (int64_t i : index.values<int64_t>()) condition.push_back(static_cast<uint8_t>(i));
    return where(Tensor::from(condition, index.shape()), in[0], in[1]);
  };
}

void add_reductions(Table& table) {
  using Reduction = Variable (*)(const Variable&, const std::vector<int>&, bool);
  const std::pair<std::string, Reduction> reductions[] = {
      {"sum", sum}, {"mean", mean}, {"max", max}, {"logsumexp", logsumexp}};
  for (const auto& [name, function] : reductions) {
    table[name + "_all"] = one([f = function](const Variable& x) { return f(x, {}, false); });
    table[name + "_axis_1"] = one([f = function](const Variable& x) { return f(x, {1}, false); });
    table[name + "_axes_0_2_keepdim"] = one([f = function](const Variable& x) { return f(x, {0, 2}, true); });
  }
  table["var_all"] = one([](const Variable& x) { return var(x); });
  table["var_axis_1"] = one([](const Variable& x) { return var(x, {1}); });
  table["var_biased_axes_0_2_keepdim"] = one([](const Variable& x) { return var(x, {0, 2}, false, true); });
  table["softmax"] = one([](const Variable& x) { return softmax(x); });
  table["softmax_temperature_2"] = one([](const Variable& x) { return softmax(x, 2); });
  table["log_softmax"] = one([](const Variable& x) { return log_softmax(x); });
  table["argmax_axis_1"] = [](const Inputs& in, const Tensor& index) {
    CHECK(same_bits(argmax(in[0], 1), index));
    return max(in[0], {1});
  };
  table["top_k_3"] = [](const Inputs& in, const Tensor& index) {
    const TopK top = top_k(in[0], 3);
    CHECK(same_bits(top.indices, index));
    return top.values;
  };
}

void add_movement(Table& table) {
  table["broadcast_to"] = one([](const Variable& x) { return broadcast_to(x, {2, 3, 4}); });
  table["reshape"] = one([](const Variable& x) { return reshape(x, Shape{4, 6}); });
  table["flatten"] = one([](const Variable& x) { return flatten(x); });
  table["slice"] = one([](const Variable& x) { return slice(x, 1, 3); });
  table["permute"] = one([](const Variable& x) { return permute(x, {2, 0, 1}); });
  table["transpose"] = one([](const Variable& x) { return transpose(x); });
  table["concat_axis_1"] = [](const Inputs& in, const Tensor&) { return concat(in, 1); };
  table["gather_rows"] = [](const Inputs& in, const Tensor& index) { return gather_rows(in[0], index); };
  table["scatter_add_rows"] = [](const Inputs& in, const Tensor& index) { return scatter_add_rows(in[0], index, 5); };
  table["index_select_axis_1"] = [](const Inputs& in, const Tensor& index) { return index_select(in[0], 1, index); };
  table["pick"] = [](const Inputs& in, const Tensor& index) { return pick(in[0], index); };
  table["pairwise_distance"] = one([](const Variable& x) { return pairwise_distance(x); });
}

void add_products(Table& table) {
  const auto product = [](bool transpose_a, bool transpose_b) {
    return two([=](const Variable& a, const Variable& b) {
      return matmul(a, b, {.transpose_a = transpose_a, .transpose_b = transpose_b});
    });
  };
  table["matmul"] = table["matmul_batched"] = product(false, false);
  table["matmul_transpose_a"] = product(true, false);
  table["matmul_transpose_b"] = product(false, true);
  table["matmul_batched_transpose_both"] = product(true, true);
  table["linear"] = [](const Inputs& in, const Tensor&) { return grouped_matmul(in[0], in[1], in[2]); };
  table["linear_no_bias"] = [](const Inputs& in, const Tensor&) { return grouped_matmul(in[0], in[1]); };
  table["grouped_linear"] = [](const Inputs& in, const Tensor& index) {
    return grouped_matmul(in[0], in[1], in[2], {index.slice(0, 5), index.slice(5, 13)});
  };
}

void add_images(Table& table) {
  const auto convolution = [](const Conv2dGeometry& geometry) -> Operation {
    return [=](const Inputs& in, const Tensor&) {
      return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Variable(), geometry);
    };
  };
  table["conv2d_plain"] = table["conv2d_no_bias"] = table["conv2d_pointwise"] = convolution({});
  table["conv2d_stride_2"] = convolution({.stride = 2});
  table["conv2d_padding_1"] = convolution({.padding = 1});
  table["conv2d_stride_2_padding_2"] = convolution({.stride = 2, .padding = 2});
  table["conv2d_groups_2"] = convolution({.groups = 2});
  table["conv2d_depthwise"] = convolution({.padding = 1, .groups = 3});
  table["max_pool2d_2"] = one([](const Variable& x) { return max_pool2d(x, 2); });
  table["max_pool2d_3_stride_2"] = one([](const Variable& x) { return max_pool2d(x, 3, 2); });
  table["avg_pool2d_2"] = one([](const Variable& x) { return avg_pool2d(x, 2); });
  table["avg_pool2d_3_stride_2"] = one([](const Variable& x) { return avg_pool2d(x, 3, 2); });
  table["global_avg_pool2d"] = one([](const Variable& x) { return global_avg_pool2d(x); });
}

void add_losses(Table& table) {
  using nn::Reduction;
  const std::pair<std::string, Reduction> reductions[] = {
      {"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}};
  for (const auto& [name, reduction] : reductions) {
    table["cross_entropy_" + name] = [r = reduction](const Inputs& in, const Tensor& labels) {
      return nn::cross_entropy(in[0], labels, r);
    };
    table["nll_" + name] = [r = reduction](const Inputs& in, const Tensor& labels) {
      return nn::nll(in[0], labels, r);
    };
    table["cross_entropy_from_probabilities_" + name] = [r = reduction](const Inputs& in, const Tensor& labels) {
      return nn::cross_entropy_from_probabilities(in[0], labels, r);
    };
    table["mse_" + name] = two([r = reduction](const Variable& a, const Variable& b) { return nn::mse(a, b, r); });
  }
}

Table all_operations() {
  Table table;
  add_elementwise(table);
  add_reductions(table);
  add_movement(table);
  add_products(table);
  add_images(table);
  add_losses(table);
  return table;
}

void check_operation(const Fixture& fixture, const std::string& name, const Operation& operation, DType dtype) {
  INFO(name << " in " << name_of(dtype));
  Inputs inputs;
  while (fixture.has(fmt::format("{}/in{}", name, inputs.size()))) {
    inputs.emplace_back(fixture.at(fmt::format("{}/in{}", name, inputs.size()), dtype), true);
  }
  REQUIRE(!inputs.empty());
  const Variable y = operation(inputs, fixture.has(name + "/index") ? fixture.at(name + "/index") : Tensor());
  REQUIRE(y.dtype() == dtype);
  CHECK(difference_from_fixture(y.value(), fixture.at(name + "/y")) == "");
  backward(y, fixture.at(name + "/dy", dtype));
  for (size_t i = 0; i < inputs.size(); ++i) {
    INFO("gradient of input " << i);
    CHECK(difference_from_fixture(inputs[i].grad(), fixture.at(fmt::format("{}/dx{}", name, i))) == "");
  }
}

}  // namespace

TEST_CASE("operations and losses give PyTorch's values and gradients", "[pytorch]") {
  const Fixture fixture("operations");
  const Table table = all_operations();
  check_same_cases(fixture, table);
  for (const auto& [name, operation] : table) {
    for (DType dtype : {DType::f64, DType::f32}) check_operation(fixture, name, operation, dtype);
  }
}

}  // namespace divvy::test
