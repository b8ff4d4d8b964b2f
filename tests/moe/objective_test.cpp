#include "moe/training/objective.h"

#include <cmath>

#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "moe/reproduction/quirks.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

using namespace moe;

TEST_CASE("the objective is the cross-entropy of the output plus the weighted regularizer") {
  Forward forward;
  forward.output = Variable(Tensor::from({.5, .5, .9, .1}, {2, 2}));
  forward.routing.probabilities = Variable(Tensor::from({.25, .75, .25, .75}, {2, 2}));
  const Tensor labels = Tensor::from<int64_t>({0, 1});
  const double loss = -(std::log(.5) + std::log(.1)) / 2;
  const Terms plain = evaluate({}, forward, labels);
  CHECK(plain.total.value().item() == Approx(loss));
  CHECK(!plain.regularizer("importance").defined());
  const Terms both = evaluate({.regularizers = {{"importance", 0.2}}}, forward, labels);
  CHECK(both.loss.value().item() == Approx(loss));
  CHECK(both.regularizer("importance").value().item() == Approx(0.5));
  CHECK(both.total.value().item() == Approx(loss + 0.1));
  CHECK_THROWS_AS(evaluate({.regularizers = {{"importance", -1}}}, forward, labels), ValueError);
  CHECK_THROWS_AS(evaluate({.regularizers = {{"importance", std::nan("")}}}, forward, labels), ValueError);
}

TEST_CASE("every term enters the total with its weight") {
  // Two experts, two samples, every one evaluated.
  Forward forward;
  forward.input = Variable(Tensor::from({0., 0., 3., 4.}, {2, 2}));
  forward.dispatch = Dispatch::dense(2, 2);
  forward.rows = forward.logits = Variable(Tensor::from({.5, .5, .9, .1, .2, .8, .6, .4}, {4, 2}));
  forward.routing.scores = Variable(Tensor::from({.1, .2, .3, .4}, {2, 2}));
  forward.routing.weights = forward.routing.probabilities = Variable(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  forward.routing.experts = Tensor::from<int64_t>({0, 1, 0, 1}, {2, 2});
  forward.output = Variable(Tensor::from({.275, .725, .75, .25}, {2, 2}));
  const Supervision known(Tensor::from<int64_t>({0, 1}));
  Objective objective;
  double weight = 0;
  for (const char* name : {"importance", "similarity_same", "similarity_different", "class_balance", "orthogonality",
                           "ideal_gate", "gate_regression"}) {
    objective.set_weight(name, ++weight);
  }
  const Terms terms = evaluate(objective, forward, known);
  CHECK(terms.loss.value().item() == Approx(-(std::log(.275) + std::log(.25)) / 2));
  double total = terms.loss.value().item();
  for (const auto& term : terms.regularizers) total += term.weight * term.value.value().item();
  CHECK(terms.total.value().item() == Approx(total));
  CHECK(terms.regularizers.size() == 7);
  std::vector<std::string> names;
  for (const auto& term : terms.regularizers) names.push_back(term.name);
  CHECK(objective.names() == names);
  CHECK(Objective{.regularizers = {{"class_balance", 1}, {"importance", 0}}}.names() ==
        std::vector<std::string>{"class_balance"});
  // d is 0 on the diagonal and 1 beside it; sums are divided by B^2 = 4.
  const double same = (2 * (.25 * .5) + 2 * (.75 * .5)) / 2;
  CHECK(terms.regularizer("similarity_same").value().item() == Approx(same / 4));
  CHECK(terms.regularizer("similarity_different").value().item() == Approx((2 - 2 * same) / 2 / 4));
  CHECK(terms.regularizer("class_balance").value().item() ==
        Approx(std::pow(1.025 - .975, 2) / 2));  // masses 1.025 and .975: variance over the squared mean of 1
  CHECK(!terms.regularizer("unknown").defined());

  Objective bracket{.regularizers = {{"similarity_same", 2}, {"similarity_different", 3}}};
  Recipe recipe{"joint", {{.objective = bracket}}};
  Quirks::parse("similarity-bracket").apply(recipe, {});
  bracket = recipe.stages[0].objective;
  CHECK(evaluate(bracket, forward, known).regularizer("similarity_same").value().item() == Approx(same));

  // Losses of the mixture rather than of the output.
  const double likelihood = -(std::log(.25 * .5 + .75 * .2) + std::log(.5 * .1 + .5 * .4)) / 2;
  CHECK(evaluate({.loss = "likelihood"}, forward, known).loss.value().item() == Approx(likelihood));
  Supervision target;
  target.target = Tensor::from({0., 1., 1., 0.}, {2, 2});
  CHECK(evaluate({.loss = "mse"}, forward, target).loss.value().item() ==
        Approx((2 * .275 * .275 + 2 * .25 * .25) / 4));

  forward.dispatch = Dispatch::of(Tensor::from<int64_t>({0, 1}, {2, 1}), 2);
  for (const char* name : {"orthogonality", "ideal_gate", "gate_regression"}) {
    CHECK_THROWS_AS(evaluate({.regularizers = {{name, 1}}}, forward, known), ValueError);
  }
  for (const char* name : {"similarity_same", "similarity_different", "class_balance"}) {
    CHECK_THROWS_AS(evaluate({.regularizers = {{name, -1}}}, forward, known), ValueError);
  }
  CHECK_THROWS_AS(evaluate({.regularizers = {{"importance", 1}, {"importance", 2}}}, forward, known), ValueError);
}

TEST_CASE("a loss without what it compares with is refused") {
  Forward forward;
  forward.output = Variable(Tensor::from({.5, .5}, {1, 2}));
  CHECK_THROWS_AS(evaluate({}, forward, {}), ValueError);
  CHECK_THROWS_AS(evaluate({.loss = "mse"}, forward, {}), ValueError);
  CHECK_THROWS_AS(Loss("hinge"), ValueError);
  CHECK_THROWS_AS(Objective{}.set_weight("importence", 1), ValueError);
}

TEST_CASE("terms of a program's own, and a value that two of them share") {
  Forward forward;
  forward.output = Variable(Tensor::from({.5, .5, .9, .1}, {2, 2}));
  int computed = 0;
  const auto half = [&computed](const TermInputs& in) {
    return in.shared([&] {
      ++computed;
      return std::pair(mul(sum(in.forward().output), 0.5), 1);
    });
  };
  Objective objective{
      .loss = LossKind{.name = "mine", .summary = "", .value = [&](const TermInputs& in) { return half(in).first; }}};
  RegularizerKind twice;
  twice.name = "twice";
  twice.maximized = true;
  twice.value = [&](const TermInputs& in) { return mul(half(in).first, 2); };
  objective.regularizers.emplace_back(twice, 0.25);
  const Terms terms = evaluate(objective, forward, {});
  CHECK(terms.loss.value().item() == Approx(1));
  CHECK(terms.total.value().item() == Approx(1 - 0.25 * 2));
  CHECK(terms.regularizers[0].weight == -0.25);
  CHECK(computed == 1);
}

}  // namespace divvy::test
