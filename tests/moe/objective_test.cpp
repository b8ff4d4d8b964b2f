#include "moe/training/objective.h"

#include <cmath>

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
  const Terms both = evaluate({.importance = 0.2}, forward, labels);
  CHECK(both.loss.value().item() == Approx(loss));
  CHECK(both.regularizer("importance").value().item() == Approx(0.5));
  CHECK(both.total.value().item() == Approx(loss + 0.1));
  CHECK_THROWS_AS(evaluate({.importance = -1}, forward, labels), ValueError);
  CHECK_THROWS_AS(evaluate({.importance = std::nan("")}, forward, labels), ValueError);
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
  const Objective objective{.importance = 1,
                            .similarity_same = 2,
                            .similarity_different = 3,
                            .class_balance = 4,
                            .orthogonality = 5,
                            .ideal_gate = 6,
                            .gate_regression = 7};
  const Terms terms = evaluate(objective, forward, known);
  CHECK(terms.loss.value().item() == Approx(-(std::log(.275) + std::log(.25)) / 2));
  double total = terms.loss.value().item();
  for (const auto& term : terms.regularizers) total += term.weight * term.value.value().item();
  CHECK(terms.total.value().item() == Approx(total));
  CHECK(terms.regularizers.size() == 7);
  std::vector<std::string> names;
  for (const auto& term : terms.regularizers) names.push_back(term.name);
  CHECK(objective.regularizers() == names);
  CHECK(Objective{.class_balance = 1}.regularizers() == std::vector<std::string>{"class_balance"});
  // d is 0 on the diagonal and 1 beside it; sums are divided by B^2 = 4.
  const double same = (2 * (.25 * .5) + 2 * (.75 * .5)) / 2;
  CHECK(terms.regularizer("similarity_same").value().item() == Approx(same / 4));
  CHECK(terms.regularizer("similarity_different").value().item() == Approx((2 - 2 * same) / 2 / 4));
  CHECK(terms.regularizer("class_balance").value().item() ==
        Approx(std::pow(1.025 - .975, 2) / 2));  // masses 1.025 and .975: variance over the squared mean of 1
  CHECK(!terms.regularizer("unknown").defined());

  Objective bracket{.similarity_same = 2, .similarity_different = 3};
  bracket.same_not_averaged = true;
  CHECK(evaluate(bracket, forward, known).regularizer("similarity_same").value().item() == Approx(same));

  // Losses of the mixture rather than of the output.
  const double likelihood = -(std::log(.25 * .5 + .75 * .2) + std::log(.5 * .1 + .5 * .4)) / 2;
  CHECK(evaluate({.loss = Loss::likelihood}, forward, known).loss.value().item() == Approx(likelihood));
  Supervision target;
  target.target = Tensor::from({0., 1., 1., 0.}, {2, 2});
  CHECK(evaluate({.loss = Loss::mse}, forward, target).loss.value().item() ==
        Approx((2 * .275 * .275 + 2 * .25 * .25) / 4));

  forward.dispatch = Dispatch::of(Tensor::from<int64_t>({0, 1}, {2, 1}), 2);
  for (const Objective& dense : {Objective{.orthogonality = 1}, {.ideal_gate = 1}, {.gate_regression = 1}}) {
    CHECK_THROWS_AS(evaluate(dense, forward, known), ValueError);
  }
  for (const Objective& negative :
       {Objective{.similarity_same = -1}, {.similarity_different = -1}, {.class_balance = -1}}) {
    CHECK_THROWS_AS(evaluate(negative, forward, known), ValueError);
  }
}

TEST_CASE("a loss without what it compares with is refused") {
  Forward forward;
  forward.output = Variable(Tensor::from({.5, .5}, {1, 2}));
  CHECK_THROWS_AS(evaluate({}, forward, {}), ValueError);
  CHECK_THROWS_AS(evaluate({.loss = Loss::mse}, forward, {}), ValueError);
  CHECK(parse_loss("likelihood") == Loss::likelihood);
  CHECK(to_string(Loss::responsibility) == "responsibility");
  CHECK_THROWS_AS(parse_loss("hinge"), ValueError);
}

}  // namespace divvy::test
