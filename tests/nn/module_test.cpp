#include "nn/module.h"

#include "autograd/ops/softmax.h"
#include "tensor/generator.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::Module;

/// y = log_softmax(x); its parameters only take part in the bookkeeping.
class Leaf : public nn::Rowwise {
 public:
  explicit Leaf(int64_t size, int64_t experts = 0) {
    const Shape shape = experts > 0 ? Shape{experts, size} : Shape{size};
    weight = register_parameter("weight", random_tensor(shape, 1), experts);
    count = register_buffer("count", Tensor::zeros({2}, DType::i64));
  }
  Variable apply(const Variable& x) override { return log_softmax(x); }
  using Module::register_buffer;
  using Module::register_module;
  using Module::register_parameter;

  Variable weight, count;
};

class Pair : public Module {
 public:
  Pair() {
    first = register_module("first", std::make_shared<Leaf>(3));
    second = register_module("second", std::make_shared<Leaf>(2, 2));
    scale = register_parameter("scale", Tensor::zeros({1}));
  }
  nn::Rows forward(const nn::Rows& x) override { return (*first)(x); }
  using Module::register_module;

  std::shared_ptr<Leaf> first, second;
  Variable scale;
};

class Outer : public Module {
 public:
  Outer() {
    pair = register_module("pair", std::make_shared<Pair>());
    shared = register_module("shared", pair->first);
  }
  nn::Rows forward(const nn::Rows& x) override { return (*pair)(x); }
  std::string describe() const override { return "Outer(with a pair)"; }

  std::shared_ptr<Pair> pair;
  std::shared_ptr<Leaf> shared;
};

std::vector<std::string> names(const nn::NamedVariables& variables) {
  std::vector<std::string> result;
  for (const auto& [name, variable] : variables) result.push_back(name);
  return result;
}

}  // namespace

TEST_CASE("names are dotted paths in the order of registration, shared parts are given once", "[module]") {
  const Outer outer;
  CHECK(names(outer.named_parameters()) ==
        std::vector<std::string>{"pair.scale", "pair.first.weight", "pair.second.weight"});
  CHECK(names(outer.named_buffers()) == std::vector<std::string>{"pair.first.count", "pair.second.count"});
  CHECK(outer.parameters().size() == 3);
  CHECK(outer.parameter_count() == 1 + 3 + 4);
  CHECK(outer.parameter("pair.second.weight").is(outer.pair->second->weight));
  CHECK(refusal<ValueError>([&] { outer.parameter("pair.weight"); }) ==
        "Outer(with a pair): no parameter is called 'pair.weight'; there are: pair.scale, pair.first.weight, "
        "pair.second.weight");
  std::vector<std::string> paths;
  for (const auto& [path, part] : outer.named_modules()) paths.push_back(path);
  CHECK(paths == std::vector<std::string>{"", "pair", "pair.first", "pair.second", "shared"});
}

TEST_CASE("variables carry their path from the outermost module and their experts", "[module]") {
  auto pair = std::make_shared<Pair>();
  CHECK(pair->second->weight.name() == "second.weight");
  CHECK(pair->second->weight.parts() == 2);
  CHECK(pair->first->weight.parts() == 0);
  auto leaf = std::make_shared<Leaf>(1);
  leaf->register_module("inner", pair);
  CHECK(pair->second->weight.name() == "inner.second.weight");
  CHECK(pair->second->count.name() == "inner.second.count");
}

TEST_CASE("a module says its class where it says nothing else", "[module]") {
  CHECK(Leaf(1).describe() == "Leaf");
  CHECK(Outer().describe() == "Outer(with a pair)");
}

TEST_CASE("registration refuses bad names and null modules", "[module]") {
  Leaf leaf(3);
  CHECK(refusal<ValueError>([&] { leaf.register_parameter("", Tensor::zeros({1})); }) ==
        "Leaf: '' is no name for a part of a module: it must not be empty or have a dot");
  CHECK_THAT(refusal<ValueError>([&] { leaf.register_buffer("a.b", Tensor::zeros({1})); }),
             Contains("'a.b' is no name"));
  for (const char* taken : {"weight", "count"}) {
    CHECK(refusal<ValueError>([&] { leaf.register_parameter(taken, Tensor::zeros({1})); }) ==
          fmt::format("Leaf: the name '{}' is taken", taken));
    CHECK_THAT(refusal<ValueError>([&] { leaf.register_buffer(taken, Tensor::zeros({1})); }), Contains("is taken"));
    CHECK_THAT(refusal<ValueError>([&] { leaf.register_module(taken, std::make_shared<Leaf>(1)); }),
               Contains("is taken"));
  }
  CHECK(refusal<ValueError>([&] { leaf.register_module("child", std::shared_ptr<Leaf>()); }) ==
        "Leaf: module 'child' is null");
  CHECK_THAT(refusal<ShapeError>([&] {
               leaf.register_parameter("w", Tensor::zeros({3, 2}), 2);
             }),
             Contains("'w' [3, 2] does not stack 2 experts"));
  CHECK_THAT(refusal<ShapeError>([&] { leaf.register_parameter("w", Tensor::scalar(1), 1); }),
             Contains("does not stack"));
  CHECK_THAT(refusal<DTypeError>([&] { leaf.register_parameter("w", Tensor::zeros({2}, DType::u8)); }),
             Contains("got u8"));
  CHECK_THAT(refusal<ValueError>([&] { leaf.register_parameter("w", Tensor()); }), Contains("defined tensor"));
}

TEST_CASE("a module cannot contain itself", "[module]") {
  auto pair = std::make_shared<Pair>();
  auto leaf = std::make_shared<Leaf>(1);
  leaf->register_module("inner", pair);
  CHECK(refusal<ValueError>([&] { pair->register_module("outer", leaf); }) ==
        "Pair: module 'outer' would contain itself");
  CHECK_THAT(refusal<ValueError>([&] { pair->register_module("me", pair); }), Contains("would contain itself"));
}

TEST_CASE("train and eval reach every child; a frozen part stays as it is", "[module]") {
  Outer outer;
  CHECK(outer.pair->first->is_training());
  outer.eval();
  CHECK_FALSE(outer.pair->first->is_training());
  outer.pair->first->freeze();
  outer.train();
  CHECK(outer.pair->second->is_training());
  CHECK_FALSE(outer.pair->first->is_training());
  CHECK(outer.pair->first->is_frozen());
  CHECK_FALSE(outer.pair->first->weight.requires_grad());
  CHECK(outer.pair->second->weight.requires_grad());
  outer.freeze(false);
  CHECK(outer.pair->first->is_training());
  CHECK(outer.pair->first->weight.requires_grad());
}

TEST_CASE("zero_grad and set_requires_grad clear gradients", "[module]") {
  Outer outer;
  const auto give = [&] {
    for (Variable parameter : outer.parameters()) parameter.mutable_grad() = Tensor::zeros_like(parameter.value());
  };
  const auto with_gradient = [&] {
    int count = 0;
    for (const Variable& parameter : outer.parameters()) count += parameter.grad().defined() ? 1 : 0;
    return count;
  };
  give();
  CHECK(with_gradient() == 3);
  outer.zero_grad();
  CHECK(with_gradient() == 0);
  give();
  outer.pair->first->set_requires_grad(false);
  CHECK(with_gradient() == 2);
  CHECK_FALSE(outer.pair->first->weight.requires_grad());
  CHECK(outer.pair->first->is_training());
}

TEST_CASE("to keeps values and gradients", "[module]") {
  Outer outer;
  const auto before = outer.state_dict();
  outer.pair->scale.mutable_grad() = Tensor::full({1}, 3);
  for (int i = 0; i <= cuda_device_count(); ++i) {
    const Device device = i == 0 ? Device::cpu() : Device::cuda(i - 1);
    outer.to(device);
    for (const Variable& parameter : outer.parameters()) CHECK(parameter.device() == device);
    CHECK(outer.pair->scale.grad().device() == device);
    CHECK(outer.pair->scale.grad().item() == 3);
    CHECK(outer.pair->first->count.device() == Device::cpu());
    for (const auto& [name, value] : outer.state_dict()) CHECK(same_bits(value, before.at(name)));
  }
}

TEST_CASE("reset asks for a definition where a module has parameters of its own", "[module]") {
  class Empty : public Module {
    nn::Rows forward(const nn::Rows& x) override { return x; }
  };
  Generator generator;
  CHECK_NOTHROW(Empty().reset(generator));
  CHECK(refusal<ValueError>([&] { Leaf(2).reset(generator); }) ==
        "Leaf: has parameters of its own and does not say how to reset them; define reset()");
}

TEST_CASE("the summary lists layers, shapes, counts and totals", "[module]") {
  Outer outer;
  CHECK(outer.summary() ==
        "layer        kind  parameter            count\n"
        "pair         Pair  scale [1]                1\n"
        "pair.first   Leaf  weight [3]               3\n"
        "pair.second  Leaf  weight [2, 2]            4\n"
        "shared       Leaf  weight [3] (shared)\n"
        "total                                       8\n");
  outer.pair->second->freeze();
  CHECK(outer.summary() ==
        "layer           kind  parameter               count\n"
        "pair            Pair  scale [1]                   1\n"
        "pair.first      Leaf  weight [3]                  3\n"
        "pair.second     Leaf  weight [2, 2] (frozen)      4\n"
        "shared          Leaf  weight [3] (shared)\n"
        "total                                             8\n"
        "of these learn                                    4\n");
  CHECK_THAT(Leaf(1234567).summary(), Contains("-      Leaf  weight [1234567]  1,234,567\n"));
}

}  // namespace divvy::test
