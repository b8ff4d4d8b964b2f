#include "moe/model/model.h"

#include "autograd/gradcheck.h"
#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/shape.h"
#include "autograd/ops/softmax.h"
#include "moe/model/combine.h"
#include "moe/model/experts.h"
#include "moe/model/models.h"
#include "moe/reproduction/quirks.h"
#include "moe/training/objective.h"
#include "nn/activation.h"
#include "nn/linear.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

constexpr int64_t kFeatures = 4, kClasses = 3;

NetworkPlan plan() { return {{}, {5}}; }

std::shared_ptr<nn::Sequential> network(int64_t outputs, int64_t experts, bool softmax, uint64_t seed) {
  Generator generator(seed);
  return build_network(
      plan(), {.sample = {kFeatures}, .outputs = outputs, .experts = experts, .softmax = softmax, .dtype = DType::f64},
      generator);
}

std::shared_ptr<Model> mixture(int64_t experts, uint64_t seed = 1) {
  return std::make_shared<Model>(network(experts, 0, false, seed), network(kClasses, experts, true, seed + 1), experts);
}

Tensor samples(int64_t count, uint64_t seed = 9) { return random_tensor({count, kFeatures}, seed, -2, 2); }

std::vector<Tensor> gradients(nn::Module& module) {
  std::vector<Tensor> result;
  for (const Variable& p : module.parameters()) {
    result.push_back(p.grad().defined() ? p.grad().clone() : Tensor::zeros_like(p.value()));
  }
  module.zero_grad();
  return result;
}

/// The mixture in the way of a reader of its definition: every expert on every sample as a plain network of its own,
/// then the weighted sum with the weights of the routing, zero for experts that were not chosen.
Variable evaluated_and_masked(Model& model, const Variable& x, const Routing& routing) {
  const int64_t batch = x.size(0), experts = model.experts();
  Variable total;
  for (int64_t e = 0; e < experts; ++e) {
    Tensor only = Tensor::zeros({experts + 1}, DType::i64);  // offsets with all rows at expert e
    for (int64_t i = e + 1; i <= experts; ++i) only.mutable_data<int64_t>()[i] = batch;
    const Variable y = (*model.expert_stack())({x, {.offsets = only, .sample = {}}}).values();
    Tensor pick = Tensor::zeros(routing.experts.shape(), DType::f64);
    for (int64_t i = 0; i < pick.numel(); ++i) {
      pick.mutable_data<double>()[i] = routing.experts.data<int64_t>()[i] == e ? 1 : 0;
    }
    const Variable weight = sum(mul(routing.weights, Variable(pick)), {1}, true);
    const Variable term = mul(weight, y);
    total = total.defined() ? add(total, term) : term;
  }
  return total;
}

}  // namespace

TEST_CASE("a mixture of one expert is the plain network, in value and gradient") {
  for (const int64_t batch : {0, 1, 6}) {
    const auto plain = network(kClasses, 0, true, 2);
    const auto model = mixture(1);
    Generator random;
    const Variable x(samples(batch), true), same(samples(batch), true);
    const Variable expected = (*plain)(same);
    const Forward got = model->run(x, {}, random);
    CHECK(difference(got.output.value(), expected.value(), 1e-14, 0) == "");
    const Tensor cotangent = random_tensor(expected.shape(), 4);
    backward(expected, cotangent);
    backward(got.output, cotangent);
    CHECK(difference(x.grad(), same.grad(), 1e-12, 1e-15) == "");
    const auto ours = gradients(*model->expert_stack()), theirs = gradients(*plain);
    REQUIRE(ours.size() == theirs.size());
    for (size_t i = 0; i < ours.size(); ++i) {
      CHECK(difference(ours[i].reshape(theirs[i].shape()), theirs[i], 1e-12, 1e-15) == "");
    }
  }
}

TEST_CASE("top-k with k = E is the soft mixture, in value and gradient") {
  for (const int64_t experts : {1, 2, 5}) {
    const auto model = mixture(experts);
    Generator random;
    const Variable x(samples(7));
    const Tensor cotangent = random_tensor({7, kClasses}, 5);
    const Forward soft = model->run(x, {}, random);
    backward(soft.output, cotangent);
    const auto expected = gradients(*model);
    const Forward top =
        model->run(x, {.rule = Rule::top_k, .k = experts, .weighting = Weighting::renormalized}, random);
    CHECK(difference(top.output.value(), soft.output.value(), 1e-13, 0) == "");
    backward(top.output, cotangent);
    const auto got = gradients(*model);
    for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], expected[i], 1e-11, 1e-14) == "");
  }
}

TEST_CASE("sparse evaluation equals evaluating every expert and masking, in value and gradient") {
  int empty_experts = 0;
  for (uint64_t trial = 0; trial < 60; ++trial) {
    const int64_t experts = 1 + static_cast<int64_t>(trial % 9), batch = static_cast<int64_t>(trial % 7);
    const auto model = mixture(experts, trial);
    for (const RoutingOptions& options : {RoutingOptions{},
                                          {.rule = Rule::top_k, .k = 1},
                                          {.rule = Rule::top_k, .k = (experts + 1) / 2},
                                          {.rule = Rule::arg_max},
                                          {.rule = Rule::sampled, .weighting = Weighting::probability}}) {
      INFO("trial " << trial << ", " << options.to_string());
      Generator random(trial);
      const Variable x(samples(batch, trial), true), same(samples(batch, trial), true);
      const Forward sparse = model->run(x, options, random);
      const auto offsets = sparse.dispatch.segments.offsets.values<int64_t>();
      for (size_t e = 0; e + 1 < offsets.size(); ++e) empty_experts += offsets[e] == offsets[e + 1];
      const Tensor cotangent = random_tensor(sparse.output.shape(), trial);
      backward(sparse.output, cotangent);
      const auto got = gradients(*model);

      Generator again(trial);
      const Routing routing = route((*model->gate())(same), options, again);
      const Variable dense = evaluated_and_masked(*model, same, routing);
      CHECK(difference(sparse.output.value(), dense.value(), 1e-13, 1e-16) == "");
      backward(dense, cotangent);
      const auto expected = gradients(*model);
      CHECK(difference(x.grad(), same.grad(), 1e-11, 1e-14) == "");
      for (size_t i = 0; i < got.size(); ++i) CHECK(difference(got[i], expected[i], 1e-11, 1e-14) == "");
    }
  }
  CHECK(empty_experts > 50);  // the trials must have met experts that got nothing
}

TEST_CASE("only the chosen experts get a gradient") {
  const auto model = mixture(4);
  Generator random;
  const Forward forward = model->run(Variable(samples(1)), {.rule = Rule::top_k, .k = 2}, random);
  backward(forward.output, random_tensor({1, kClasses}, 3));
  const auto chosen = forward.routing.experts.values<int64_t>();
  for (const auto& [name, parameter] : model->named_parameters()) {
    if (!name.starts_with("experts.")) continue;
    for (int64_t e = 0; e < 4; ++e) {
      const auto gradient = parameter.grad()[e].to_doubles();
      const bool touched = std::ranges::any_of(gradient, [](double g) { return g != 0; });
      const bool was_chosen = std::ranges::find(chosen, e) != chosen.end();
      INFO(name << ", expert " << e);
      if (!was_chosen) CHECK(!touched);
    }
  }
  CHECK(forward.dispatch.rows() == 2);
}

TEST_CASE("the full forward pass and objective of each model pass a gradient check") {
  const Tensor labels = Tensor::from<int64_t>({0, 2, 1, 1, 0});
  for (const RoutingOptions& options : {RoutingOptions{},
                                        {.rule = Rule::top_k, .k = 1},
                                        {.rule = Rule::top_k, .k = 2},
                                        {.rule = Rule::top_k, .k = 3}}) {
    INFO(options.to_string());
    const auto model = mixture(3, 21);
    std::vector<Variable> leaves = model->parameters();
    Variable x(samples(5), true);
    leaves.push_back(x);
    const auto report = gradcheck(
        [&] {
          Generator random;
          return evaluate({.regularizers = {{"importance", 0.3}}}, model->run(x, options, random), labels).total;
        },
        leaves);
    INFO(report.text);
    CHECK(report.ok);
  }
}

TEST_CASE("experts of unlike architectures run behind the same interface") {
  Generator generator(4);
  const auto linear = [&](int64_t in, int64_t out) {
    return std::make_shared<nn::Linear>(nn::LinearOptions{.in = in, .out = out, .dtype = DType::f64}, generator);
  };
  const auto small = linear(kFeatures, kClasses);
  const auto deep = nn::sequential(linear(kFeatures, 6), std::make_shared<nn::Tanh>(), linear(6, kClasses));
  const auto list = std::make_shared<ExpertList>(std::vector<std::shared_ptr<nn::Module>>{small, deep});
  Model model(network(2, 0, false, 3), list, 2);
  Generator random;
  const Variable x(samples(6), true);
  const Forward forward = model.run(x, {}, random);
  const Variable w = forward.routing.weights, rows = by_expert(forward.rows, forward.dispatch);
  CHECK(difference(rows.value()[0], (*small)(x).value(), 1e-14, 0) == "");
  CHECK(difference(rows.value()[1], (*deep)(x).value(), 1e-14, 0) == "");
  std::vector<Variable> leaves = model.parameters();
  leaves.push_back(x);
  for (const RoutingOptions& options : {RoutingOptions{}, {.rule = Rule::top_k, .k = 1}}) {
    const auto report = gradcheck([&] { return model.run(x, options, random).output; }, leaves);
    INFO(report.text);
    CHECK(report.ok);
  }
  CHECK_THROWS_AS(ExpertList({}), ValueError);
  CHECK_THROWS_AS(by_expert(forward.rows, Dispatch::dense(5, 2)), ShapeError);
}

TEST_CASE("a model that cannot work is refused") {
  CHECK_THROWS_AS(Model(nullptr, nullptr, 1), ValueError);
  {
    Model gateless(nullptr, network(kClasses, 2, true, 1), 2);
    Generator random;
    CHECK_THROWS_AS(gateless.run(Variable(samples(3)), {}, random), ValueError);
  }
  CHECK_THROWS_AS(Model(network(2, 0, false, 1), network(kClasses, 2, true, 1), 0), ValueError);
  Model wrong(network(3, 0, false, 1), network(kClasses, 2, true, 1), 2);
  Generator random;
  CHECK_THROWS_WITH(wrong.run(Variable(samples(4)), {}, random), Catch::Contains("the gate gave [4, 3]"));
}

TEST_CASE("a single network is a model without a gate") {
  Model model(nullptr, network(kClasses, 0, true, 1), 1);
  Generator random;
  const Variable x(samples(4));
  const Forward forward = model.run(x, {}, random);
  CHECK(same_bits(forward.output.value(), (*model.expert_stack())(x).value()));
  CHECK(same_bits(model(x).value(), forward.output.value()));
  CHECK(forward.dispatch.rows() == 4);
}

TEST_CASE("the second softmax is one of the outputs of mixture and top-1, classes and values, and of no other") {
  for (const char* name : {"mixture", "top-1", "top-k", "stochastic", "loss-gate"}) {
    for (const bool regression : {false, true}) {
      INFO(name << (regression ? ", regression" : ""));
      ModelOptions options{.model = name, .network = "shallow-2d", .experts = 3, .classes = 4, .dtype = DType::f64};
      if (regression) options.network = "barber", options.targets = 2, options.classes = 0;
      const auto output = [&](const char* quirks) {
        ModelOptions quirky = options;
        Quirks::parse(quirks).apply(quirky);
        Generator generator(1), random;
        const auto model = build_model(quirky, generator);
        return model->run(Variable(random_tensor({5, 2}, 4)), routing_of(quirky, false), random).output;
      };
      const bool softened = std::string_view(name) == "mixture" || std::string_view(name) == "top-1";
      const Variable once = output("none");
      CHECK(difference(output("double-softmax").value(), softened ? softmax(once).value() : once.value(), 1e-14, 0) ==
            "");
    }
  }
}

}  // namespace divvy::test
