#include "moe/model/models.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "autograd/ops/softmax.h"
#include "moe/analysis/record.h"
#include "moe/model/combine.h"
#include "moe/model/gate.h"
#include "moe/reproduction/quirks.h"
#include "moe/training/recipe.h"
#include "nn/sequential.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

constexpr int64_t kExperts = 3, kClasses = 4;

/// A small model of every kind: two features, four hidden units in expert and gate where the gate is attentive.
ModelOptions options_of(std::string_view model) {
  ModelOptions options;
  options.model = std::string(model);
  options.network = "shallow-2d";
  options.experts = kExperts;
  options.classes = kClasses;
  options.class_lists = {{0}, {1, 3}, {2}};
  options.dtype = DType::f64;
  return options;
}

Supervision supervision(int64_t samples) {
  Supervision known(random_indices({samples}, kClasses, 5));
  known.experts = random_indices({samples, 1}, kExperts, 6);
  known.responsibilities = softmax(Variable(random_tensor({samples, kExperts}, 7))).value();
  return known;
}

/// The objective of a model's usual training, everything switched on that its routing allows. `constant`: the routing
/// by the experts' own scores, which are constants to the gradient, and so must be to differences.
Terms usual_terms(Model& model, const ModelOptions& options, const Variable& x, const Supervision& known,
                  const Routing* constant = nullptr) {
  Generator random(3);
  RoutingOptions routing = routing_of(options, true);
  routing.noise = 0;
  Forward forward = model.run(x, routing, random, known);
  if (constant != nullptr) forward.routing = *constant;
  Objective objective{.loss = usual_loss(options)};
  if (model.has_gate()) objective.set_weight("importance", 0.3);
  if (forward.dispatch.is_dense() && kExperts > 1 && model.experts() > 1) objective.set_weight("orthogonality", 0.1);
  return evaluate(objective, forward, known);
}

}  // namespace

TEST_CASE("the whole pass of every model passes a gradient check, from samples and parameters to the objective") {
  for (const ModelKind& kind : models()) {
    for (const GateKind gate : {GateKind::plain, GateKind::augmented}) {
      if (!kind.gated && gate != GateKind::plain) continue;
      INFO(kind.name << (gate == GateKind::plain ? "" : ", augmented"));
      ModelOptions options = options_of(kind.name);
      options.gate = gate;
      for (const int64_t samples : {1, 5}) {
        Generator generator(11);
        const auto model = build_model(options, generator);
        Variable x(random_tensor({samples, 2}, 4), true);
        std::vector<Variable> leaves = model->parameters();
        leaves.push_back(x);
        const Supervision known = supervision(samples);
        Generator random;
        RoutingOptions quiet = routing_of(options, true);
        quiet.noise = 0;
        const Routing routing = model->run(x, quiet, random, known).routing;
        const Routing* constant = scored_by_experts(quiet.scores) ? &routing : nullptr;
        const auto report = gradcheck([&] { return usual_terms(*model, options, x, known, constant).total; }, leaves);
        INFO(report.text);
        CHECK(report.ok);
      }
    }
  }
}

TEST_CASE("every attentive model passes a gradient check, with one sample and one expert, too") {
  struct Size {
    int64_t samples, experts;
    bool before_relu;
  };
  for (const char* name : {"mixture", "pre-softmax", "stochastic", "top-1", "top-k", "loss-gate", "em"}) {
    for (const auto [samples, experts, before_relu] :
         {Size{4, kExperts, false}, Size{4, kExperts, true}, Size{1, kExperts, false}, Size{3, 1, false}}) {
      if (std::string_view(name) == "top-k" && experts == 1) continue;  // k is 2
      INFO(name << ", " << samples << " samples, " << experts << " experts");
      // Expert and gate with a hidden layer of 4 each.
      const NetworkPlan plan{.hidden = {4}};
      Generator generator(12);
      const NetworkOptions of_experts{.sample = {2}, .outputs = kClasses, .experts = experts, .dtype = DType::f64};
      auto gate = std::make_shared<AttentiveGate>(
          build_network(plan, {.sample = {2}, .outputs = 0, .dtype = DType::f64}, generator), 4, DType::f64, generator);
      ModelSettings settings{.expert_output = ExpertOutput::softmax,
                             .hidden = before_relu ? HiddenLayer::pre_relu : HiddenLayer::post_relu};
      settings.combination = models().at(name).combination;
      Model model(gate, build_network(plan, of_experts, generator), experts, settings);
      Variable x(random_tensor({samples, 2}, 4), true);
      std::vector<Variable> leaves = model.parameters();
      leaves.push_back(x);
      Supervision known = supervision(samples);
      known.responsibilities = softmax(Variable(random_tensor({samples, experts}, 7))).value();
      const auto report = gradcheck([&] { return usual_terms(model, options_of(name), x, known).total; }, leaves);
      INFO(report.text);
      CHECK(report.ok);
    }
  }
}

TEST_CASE("routed and dense evaluation agree where a gate chooses") {
  for (const char* name : {"top-1", "top-k", "loss-gate", "stochastic"}) {
    const ModelOptions options = options_of(name);
    Generator generator(1), random;
    const auto model = build_model(options, generator);
    const Variable x(random_tensor({7, 2}, 4));
    RoutingOptions routing = routing_of(options, false), dense = routing;
    dense.every_expert = true;
    const Forward some = model->run(x, routing, random), all = model->run(x, dense, random);
    CHECK(some.dispatch.rows() == 7 * (routing.rule->reads_k ? routing.k : 1));
    CHECK(all.dispatch.rows() == 7 * kExperts);
    CHECK(difference(some.output.value(), all.output.value(), 1e-13, 0) == "");
  }
}

TEST_CASE("pre-softmax mixes logits, and its temperature divides the mixture") {
  ModelOptions options = options_of("pre-softmax");
  options.temperature = 2;
  Generator generator(1), random;
  const auto model = build_model(options, generator);
  const Variable x(random_tensor({2, 2}, 4));
  const Forward forward = model->run(x, routing_of(options, true), random);
  const auto p = softmax(forward.routing.scores).value().to_doubles();  // of the gate, at temperature 1
  const auto z = by_expert(forward.logits, forward.dispatch).value().to_doubles();
  for (size_t b = 0; b < 2; ++b) {
    double total = 0;
    std::vector<double> expected(kClasses, 0.0);
    for (size_t c = 0; c < kClasses; ++c) {
      for (size_t e = 0; e < kExperts; ++e) expected[c] += p[b * kExperts + e] * z[(e * 2 + b) * kClasses + c] / 2;
      total += std::exp(expected[c]);
    }
    for (size_t c = 0; c < kClasses; ++c) {
      CHECK(forward.output.value().to_doubles()[b * kClasses + c] == Approx(std::exp(expected[c]) / total));
    }
  }
}

TEST_CASE("a product of experts is the normalized product of their distributions") {
  Generator generator(1), random;
  const auto model = build_model(options_of("product"), generator);
  const Variable x(random_tensor({2, 2}, 4));
  const Forward forward = model->run(x, routing_of(options_of("product"), true), random);
  const auto y = forward.rows.value().to_doubles();
  for (size_t b = 0; b < 2; ++b) {
    std::vector<double> product(kClasses, 1.0);
    double total = 0;
    for (size_t c = 0; c < kClasses; ++c) {
      for (size_t e = 0; e < kExperts; ++e) product[c] *= y[(e * 2 + b) * kClasses + c];
      total += product[c];
    }
    for (size_t c = 0; c < kClasses; ++c) {
      CHECK(forward.output.value().to_doubles()[b * kClasses + c] == Approx(product[c] / total));
    }
  }
}

TEST_CASE("a concatenation puts the experts' classes in their places under one softmax") {
  Generator generator(1), random;
  const auto model = build_model(options_of("concatenation"), generator);  // classes 0 | 1, 3 | 2
  const Variable x(random_tensor({3, 2}, 4));
  const Forward forward = model->run(x, routing_of(options_of("concatenation"), true), random);
  CHECK(forward.logits.shape() == Shape{9, 2});
  const auto z = forward.logits.value().to_doubles();
  for (size_t b = 0; b < 3; ++b) {
    const std::vector<double> logits = {z[b * 2], z[(3 + b) * 2], z[(6 + b) * 2], z[(3 + b) * 2 + 1]};
    double total = 0;
    for (double v : logits) total += std::exp(v);
    for (size_t c = 0; c < 4; ++c) {
      CHECK(forward.output.value().to_doubles()[b * 4 + c] == Approx(std::exp(logits[c]) / total));
    }
  }
}

TEST_CASE("the experts of a concatenation have distributions over their own classes, which a record takes") {
  Generator generator(1), random;
  const auto model = build_model(options_of("concatenation"), generator);  // classes 0 | 1, 3 | 2
  const Forward forward =
      model->run(Variable(random_tensor({3, 2}, 4)), routing_of(options_of("concatenation"), true), random);
  REQUIRE(forward.rows.shape() == Shape{9, kClasses});
  const auto rows = forward.rows.value().to_doubles(), z = forward.logits.value().to_doubles();
  for (size_t b = 0; b < 3; ++b) {
    for (size_t e = 0; e < 3; ++e) {
      const double own = 1 / (1 + std::exp(z[(3 + b) * 2 + 1] - z[(3 + b) * 2]));
      const std::vector<double> expected = e == 0   ? std::vector<double>{1, 0, 0, 0}
                                           : e == 1 ? std::vector<double>{0, own, 0, 1 - own}
                                                    : std::vector<double>{0, 0, 1, 0};
      for (size_t c = 0; c < 4; ++c) CHECK(rows[(e * 3 + b) * 4 + c] == Approx(expected[c]).margin(1e-12));
    }
  }
  Record record;
  record.append(forward, Tensor::from<int64_t>({0, 3, 2}));
  CHECK(record.classes == 4);
  CHECK(record.expert == std::vector<int64_t>{-1, -1, -1});  // all have a part in each sample
  CHECK(!record.is_divided());
  CHECK(record.expert_predictions[0] == 0);
  CHECK(record.expert_predictions[2] == 2);
  CHECK(record.expert_losses[3] == Approx(-std::log(1e-15)));  // expert 0 does not know class 3
}

TEST_CASE("samples are divided wherever something prefers an expert") {
  for (const ModelKind& kind : models()) {
    ModelOptions options = options_of(kind.name);
    options.experts = 3;
    Generator generator(1), random;
    const auto model = build_model(options, generator);
    Supervision known = supervision(4);
    Record record;
    record.append(model->run(Variable(random_tensor({4, 2}, 4)), routing_of(options, false), random, known),
                  known.labels);
    INFO(kind.name);
    CHECK(record.is_divided() == (kind.name != "product" && kind.name != "concatenation"));
  }
}

TEST_CASE("experts with a class mask give nothing to the classes of others") {
  ModelOptions options = options_of("mixture");
  options.class_mask = true;
  Generator generator(1), random;
  const auto model = build_model(options, generator);
  Variable x(random_tensor({5, 2}, 4), true);
  const Forward forward = model->run(x, routing_of(options, true), random);
  const auto rows = by_expert(forward.rows, forward.dispatch).value().to_doubles();
  const auto own = softmax(forward.logits).value().to_doubles();
  for (size_t b = 0; b < 5; ++b) {
    CHECK(rows[(0 * 5 + b) * 4 + 0] == own[(0 * 5 + b) * 4 + 0]);  // the first output of expert 0 is its class 0
    CHECK(rows[(0 * 5 + b) * 4 + 1] == 0);
    CHECK(rows[(1 * 5 + b) * 4 + 3] == own[(1 * 5 + b) * 4 + 1]);  // the second output of expert 1 is class 3
    CHECK(rows[(1 * 5 + b) * 4 + 0] == 0);
  }
  std::vector<Variable> leaves = model->parameters();
  const auto report = gradcheck([&] { return model->run(x, {}, random).output; }, leaves);
  INFO(report.text);
  CHECK(report.ok);
}

TEST_CASE("escort outputs of gate and experts are probabilities by squares") {
  ModelOptions options = options_of("mixture");
  options.expert_output = ExpertOutput::escort;
  options.gate_normalizer = Normalizer::escort;
  Generator generator(1), random;
  const auto model = build_model(options, generator);
  const Variable x(random_tensor({3, 2}, 4));
  const Forward forward = model->run(x, routing_of(options, true), random);
  const auto z = forward.routing.scores.value().to_doubles(), p = forward.routing.probabilities.value().to_doubles();
  for (size_t b = 0; b < 3; ++b) {
    double squares = 0;
    for (size_t e = 0; e < kExperts; ++e) squares += z[b * kExperts + e] * z[b * kExperts + e];
    for (size_t e = 0; e < kExperts; ++e) {
      CHECK(p[b * kExperts + e] == Approx(z[b * kExperts + e] * z[b * kExperts + e] / squares).epsilon(1e-6));
    }
  }
  options.model = "top-k";
  const Forward two = model->run(x, routing_of(options, true), random);
  for (size_t b = 0; b < 3; ++b) {
    double total = 0;
    int zeros = 0;
    for (size_t e = 0; e < kExperts; ++e) {
      const double value = two.routing.probabilities.value().to_doubles()[b * kExperts + e];
      total += value, zeros += value == 0;
    }
    CHECK(total == Approx(1));
    CHECK(zeros == 1);
  }
}

TEST_CASE("the double softmax caps the probability of a certain mixture") {
  ModelOptions options = options_of("mixture");
  Generator generator(1), random;
  const auto plain = build_model(options, generator);
  Quirks::parse("double-softmax").apply(options);
  Generator again(1);
  const auto quirk = build_model(options, again);
  const Variable x(random_tensor({3, 2}, 4));
  const Variable once = plain->run(x, {}, random).output, twice = quirk->run(x, {}, random).output;
  CHECK(same_bits(twice.value(), softmax(once).value()));
  // top-k with k > 1 never had it.
  const RoutingOptions two{.rule = Rule::top_k, .k = 2};
  CHECK(same_bits(plain->run(x, two, random).output.value(), quirk->run(x, two, random).output.value()));
}

TEST_CASE("without a gate the least surprised expert learns, and evaluation needs no label") {
  const ModelOptions options = options_of("no-gate-self-information");
  Generator generator(1), random;
  const auto model = build_model(options, generator);
  const Variable x(random_tensor({6, 2}, 4));
  const Supervision known = supervision(6);
  RoutingOptions training = routing_of(options, true);
  CHECK(training.noise == 1);
  training.noise = 0;
  const Forward forward = model->run(x, training, random, known);
  const auto rows = by_expert(forward.rows, forward.dispatch).value().to_doubles();
  for (size_t b = 0; b < 6; ++b) {
    const auto label = static_cast<size_t>(known.labels.values<int64_t>()[b]);
    const auto chosen = static_cast<size_t>(forward.routing.experts.values<int64_t>()[b]);
    for (size_t e = 0; e < kExperts; ++e) {
      CHECK(rows[(chosen * 6 + b) * kClasses + label] >= rows[(e * 6 + b) * kClasses + label]);
    }
  }
  CHECK_NOTHROW(model->run(x, routing_of(options, false), random));
  CHECK_THROWS_AS(model->run(x, training, random), ValueError);
  ModelOptions oracle = options;
  Quirks::parse("oracle-validation,noise-in-evaluation").apply(oracle);
  CHECK(routing_of(oracle, false).scores == Scores::self_information);
  CHECK(routing_of(oracle, false).noise == 1);
  ModelOptions sampled = options;
  sampled.output = Output::sampled;
  CHECK(routing_of(sampled, true).rule == Rule::sampled);
  sampled.output = Output::mixture;
  CHECK(routing_of(sampled, false).rule == Rule::all);
}

TEST_CASE("a gate of zeros gives one constant vector") {
  ModelOptions options = options_of("mixture");
  Quirks::parse("zero-gate").apply(options);
  Generator generator(1), random;
  const auto model = build_model(options, generator);
  const Forward forward = model->run(Variable(random_tensor({3, 2}, 4)), {}, random);
  CHECK(difference(forward.routing.probabilities.value(), Tensor::full({3, kExperts}, 1. / kExperts, DType::f64), 1e-12,
                   0) == "");
}

TEST_CASE("models of a regression give values") {
  for (const char* name : {"single", "mixture", "stochastic", "top-1", "top-k", "em", "no-gate-self-information"}) {
    ModelOptions options = options_of(name);
    options.network = "barber";
    options.targets = 2;
    options.classes = 0;
    Generator generator(1), random;
    const auto model = build_model(options, generator);
    Supervision known;
    known.target = random_tensor({4, 2}, 3);
    known.responsibilities = softmax(Variable(random_tensor({4, kExperts}, 7))).value();
    Variable x(random_tensor({4, 2}, 4), true);
    std::vector<Variable> leaves = model->parameters();
    leaves.push_back(x);
    INFO(name);
    const auto report = gradcheck([&] { return usual_terms(*model, options, x, known).loss; }, leaves);
    INFO(report.text);
    CHECK(report.ok);
  }
}

TEST_CASE("combinations that cannot be are refused with what is near") {
  const auto refused = [](const std::function<void(ModelOptions&)>& change) {
    ModelOptions options = options_of("mixture");
    change(options);
    Generator generator;
    CHECK_THROWS_AS(build_model(options, generator), ValueError);
    CHECK_THROWS_AS(routing_of(options, true), ValueError);
  };
  refused([](ModelOptions& o) { o.model = "top-k", o.k = 4; });
  refused([](ModelOptions& o) { o.model = "product", o.gate = GateKind::attentive; });
  refused([](ModelOptions& o) { o.gate = GateKind::attentive; });  // shallow-2d has no hidden layer in its gate
  refused([](ModelOptions& o) { o.model = "single", o.output = Output::sampled; });
  refused([](ModelOptions& o) { o.model = "concatenation", o.class_lists = {}; });
  refused([](ModelOptions& o) { o.class_mask = true, o.class_lists = {}; });
  refused([](ModelOptions& o) { o.class_lists = {{0, 1}, {2, 3}}; });
  refused([](ModelOptions& o) { o.model = "pre-softmax", o.expert_output = ExpertOutput::escort; });
  refused([](ModelOptions& o) { o.model = "no-gate-entropy", o.targets = 2; });
  refused([](ModelOptions& o) { o.gate_normalizer = Normalizer::escort, o.temperature = 2; });
  refused([](ModelOptions& o) { o.experts = 0; });
  refused([](ModelOptions& o) { o.classes = 0; });
}

}  // namespace divvy::test
