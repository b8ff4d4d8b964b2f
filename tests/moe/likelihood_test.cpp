#include "moe/training/likelihood.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "autograd/ops/softmax.h"
#include "moe/reproduction/published_losses.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

/// Rows of 2 experts for 2 samples of 2 classes: expert 0 gives (.5 .5) and (.9 .1), expert 1 (.2 .8) and (.6 .4).
Variable two_experts() { return Variable(Tensor::from({.5, .5, .9, .1, .2, .8, .6, .4}, {4, 2})); }

Routing weighted(const Tensor& weights) {
  Routing routing;
  routing.probabilities = routing.weights = Variable(weights);
  routing.experts = Tensor::from<int64_t>({0, 1, 0, 1}).reshape({2, 2});
  return routing;
}

Supervision of_target(const Tensor& target) {
  Supervision known;
  known.target = target;
  return known;
}

}  // namespace

TEST_CASE("the log-likelihood of a row is that of its own sample") {
  const Dispatch dense = Dispatch::dense(2, 2);
  const Tensor labels = Tensor::from<int64_t>({0, 1});
  const Variable rows = row_log_likelihood(two_experts(), dense, labels);
  CHECK(difference(rows.value(), Tensor::from({std::log(.5), std::log(.1), std::log(.2), std::log(.4)}), 1e-12, 0) ==
        "");
  const Variable samples = by_sample(rows, dense);
  CHECK(difference(samples.value(), Tensor::from({std::log(.5), std::log(.2), std::log(.1), std::log(.4)}, {2, 2}),
                   1e-12, 0) == "");
  // A routed dispatch: expert 0 has sample 1 only, expert 1 both.
  const Dispatch routed = Dispatch::of(Tensor::from<int64_t>({1, -1, 0, 1}, {2, 2}), 2);
  const Variable three(Tensor::from({.9, .1, .2, .8, .6, .4}, {3, 2}));
  CHECK(difference(row_log_likelihood(three, routed, labels).value(),
                   Tensor::from({std::log(.1), std::log(.2), std::log(.4)}), 1e-12, 0) == "");
  // Nothing is lost of a probability of zero: ln 1e-15.
  const Variable sure(Tensor::from({1., 0.}, {1, 2}));
  CHECK(row_log_likelihood(sure, Dispatch::dense(1, 1), Tensor::from<int64_t>({1})).value().item() ==
        Approx(std::log(1e-15)));
}

TEST_CASE("the log-likelihood of a target is that of a unit normal distribution") {
  const Variable rows(Tensor::from({0., 0., 3., 4.}, {2, 2}));  // one sample, two experts
  const Variable value = row_log_likelihood(rows, Dispatch::dense(1, 2), of_target(Tensor::from({0., 1.}, {1, 2})));
  CHECK(difference(value.value(), Tensor::from({-.5, -(9 + 9) / 2.}), 1e-12, 0) == "");
}

TEST_CASE("the mixture likelihood is -ln of the weighted probabilities of the label") {
  const Dispatch dense = Dispatch::dense(2, 2);
  const Tensor labels = Tensor::from<int64_t>({0, 1});
  const Routing routing = weighted(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  const double first = .25 * .5 + .75 * .2, second = .5 * .1 + .5 * .4;
  CHECK(mixture_likelihood_loss(two_experts(), routing, dense, labels).value().item() ==
        Approx(-(std::log(first) + std::log(second)) / 2));
  const double first_root = .25 * std::sqrt(.5) + .75 * std::sqrt(.2);
  const double second_root = .5 * std::sqrt(.1) + .5 * std::sqrt(.4);
  CHECK(square_root_likelihood_loss(two_experts(), routing, dense, labels).value().item() ==
        Approx(-(std::log(first_root) + std::log(second_root)) / 2));
}

TEST_CASE("the mixture likelihood of targets far from every expert stays finite") {
  const Dispatch dense = Dispatch::dense(1, 2);
  Routing routing = weighted(Tensor::from({.5, .5}, {1, 2}));
  Variable rows(Tensor::from({0., 1.}, {2, 1}), true);
  const Variable near = mixture_likelihood_loss(rows, routing, dense, of_target(Tensor::from({2.}, {1, 1})));
  CHECK(near.value().item() == Approx(-std::log(.5 * std::exp(-2.) + .5 * std::exp(-.5))));
  const Variable far = mixture_likelihood_loss(rows, routing, dense, of_target(Tensor::from({1000.}, {1, 1})));
  CHECK(far.value().item() == Approx(std::log(2.) + 999. * 999. / 2));
  backward(far);
  CHECK(std::abs(rows.grad().to_doubles()[1] + 999) < 1e-6);  // all of the pull is on the nearer expert
  CHECK(rows.grad().to_doubles()[0] == 0);
}

TEST_CASE("losses of likelihoods pass gradient checks, dense and routed") {
  const Tensor labels = Tensor::from<int64_t>({2, 0, 1});
  for (const int64_t experts : {1, 3}) {
    const Dispatch dense = Dispatch::dense(3, experts);
    Variable logits(random_tensor({3 * experts, 3}, 1), true), gate(random_tensor({3, experts}, 2), true);
    Generator random;
    Supervision known(labels);
    known.responsibilities = softmax(Variable(random_tensor({3, experts}, 3))).value();
    Supervision target = of_target(random_tensor({3, 3}, 4));
    const auto check = [&](const std::function<Variable(const Routing&, const Variable&)>& loss) {
      const auto report = gradcheck([&] { return loss(route(gate, {}, random), softmax(logits)); }, {logits, gate});
      INFO(report.text);
      CHECK(report.ok);
    };
    check([&](const Routing& r, const Variable& y) { return mixture_likelihood_loss(y, r, dense, known); });
    check([&](const Routing& r, const Variable& y) { return square_root_likelihood_loss(y, r, dense, known); });
    check([&](const Routing& r, const Variable& y) { return mixture_likelihood_loss(y, r, dense, target); });
    check([&](const Routing& r, const Variable& y) { return responsibility_loss(y, r, dense, known); });
    target.responsibilities = known.responsibilities;
    check([&](const Routing& r, const Variable& y) { return gate_times_loss(y, r, dense, target); });
  }
  Variable logits(random_tensor({6, 3}, 5), true), gate(distinct_tensor({3, 4}, 6, 0.1), true);
  Generator random;
  const RoutingOptions two{.rule = Rule::top_k, .k = 2};
  const auto report = gradcheck(
      [&] {
        const Routing routing = route(gate, two, random);
        return mixture_likelihood_loss(softmax(logits), routing, Dispatch::of(routing.experts, 4), labels);
      },
      {logits, gate});
  INFO(report.text);
  CHECK(report.ok);
}

TEST_CASE("the M-step loss is the expected negative log of gate times likelihood") {
  const Dispatch dense = Dispatch::dense(2, 2);
  const Routing routing = weighted(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  Supervision known(Tensor::from<int64_t>({0, 1}));
  known.responsibilities = Tensor::from({.1, .9, 1., 0.}, {2, 2});
  const double first = .1 * std::log(.25 * .5) + .9 * std::log(.75 * .2), second = std::log(.5 * .1);
  CHECK(responsibility_loss(two_experts(), routing, dense, known).value().item() == Approx(-(first + second) / 2));

  // A given choice of one expert is the same as its indicator.
  Supervision given(known.labels);
  given.experts = Tensor::from<int64_t>({1, 0}, {2, 1});
  Supervision indicator(known.labels);
  indicator.responsibilities = Tensor::from({0., 1., 1., 0.}, {2, 2});
  const Dispatch chosen = Dispatch::of(given.experts, 2);
  const Variable rows(Tensor::from({.9, .1, .2, .8}, {2, 2}));  // sample 1 at expert 0, sample 0 at expert 1
  CHECK(responsibility_loss(rows, routing, chosen, given).value().item() ==
        Approx(responsibility_loss(two_experts(), routing, dense, indicator).value().item()));
  CHECK_THROWS_AS(responsibility_loss(rows, routing, chosen, Supervision(known.labels)), ValueError);
  known.responsibilities = Tensor::zeros({2, 3}, DType::f64);
  CHECK_THROWS_AS(responsibility_loss(two_experts(), routing, dense, known), ShapeError);
}

TEST_CASE("with the quirk the M-step of a regression weighs losses by the gate") {
  const Dispatch dense = Dispatch::dense(2, 2);
  const Routing routing = weighted(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  const Variable rows(Tensor::from({1., 3., 2., 5.}, {4, 1}));  // expert 0: 1, 3; expert 1: 2, 5
  Supervision known = of_target(Tensor::from({0., 4.}, {2, 1}));
  known.responsibilities = Tensor::from({.1, .9, 1., 0.}, {2, 2});
  const auto ll = row_log_likelihood(rows, dense, known).value().to_doubles();
  const double first = .1 * .25 * ll[0] + .9 * .75 * ll[2], second = .5 * ll[1];
  CHECK(gate_times_loss(rows, routing, dense, known).value().item() == Approx(-(first + second) / 2));
  Supervision given = of_target(known.target);
  given.experts = Tensor::from<int64_t>({1, 0}, {2, 1});
  const Variable chosen(Tensor::from({3., 2.}, {2, 1}));  // sample 1 at expert 0, sample 0 at expert 1
  CHECK(gate_times_loss(chosen, routing, Dispatch::of(given.experts, 2), given).value().item() ==
        Approx(-(.75 * ll[2] + .5 * ll[1]) / 2));
  // Of labels there is no such form.
  const Routing two = weighted(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  Supervision labels(Tensor::from<int64_t>({0, 1}));
  labels.responsibilities = known.responsibilities;
  CHECK(gate_times_loss(two_experts(), two, dense, labels).value().item() ==
        responsibility_loss(two_experts(), two, dense, labels).value().item());
}

TEST_CASE("experts' own scores: surprise, entropy, likelihood") {
  const Dispatch dense = Dispatch::dense(2, 2);
  const Supervision known(Tensor::from<int64_t>({0, 1}));
  Generator random(3);
  Variable rows(two_experts().value(), true);
  const auto scores = [&](Scores kind, double noise) {
    return scores_of_experts(kind, rows, dense, known, noise, random);
  };
  CHECK(difference(scores(Scores::self_information, 0).value(),
                   Tensor::from({std::log2(.5), std::log2(.2), std::log2(.1), std::log2(.4)}, {2, 2}), 1e-12, 0) == "");
  CHECK(difference(scores(Scores::log_likelihood, 0).value(),
                   Tensor::from({std::log(.5), std::log(.2), std::log(.1), std::log(.4)}, {2, 2}), 1e-12, 0) == "");
  const auto minus_entropy = [](double p) { return p * std::log2(p) + (1 - p) * std::log2(1 - p); };
  CHECK(difference(scores(Scores::entropy, 0).value(),
                   Tensor::from({minus_entropy(.5), minus_entropy(.2), minus_entropy(.9), minus_entropy(.6)}, {2, 2}),
                   1e-9, 0) == "");
  CHECK(!scores(Scores::self_information, 0).requires_grad());  // constants, whatever the rows are
  // Certainty has entropy 0, not NaN.
  const Variable sure(Tensor::from({1., 0.}, {1, 2}));
  CHECK(scores_of_experts(Scores::entropy, sure, Dispatch::dense(1, 1), {}, 0, random).value().item() ==
        Approx(0).margin(1e-12));
  // Noise has the standard deviation asked for.
  const int64_t many = 4000;
  const Variable same(Tensor::full({many, 2}, .5, DType::f64));
  const Supervision labels(Tensor::zeros({many}, DType::i64));
  double sum = 0, squares = 0;
  for (double s : scores_of_experts(Scores::self_information, same, Dispatch::dense(many, 1), labels, 2, random)
                      .value()
                      .to_doubles()) {
    sum += s + 1, squares += (s + 1) * (s + 1);
  }
  CHECK(std::abs(sum / many) < 0.15);
  CHECK(std::sqrt(squares / many) == Approx(2).epsilon(0.05));
}

TEST_CASE("likelihoods refuse what does not fit") {
  const Dispatch dense = Dispatch::dense(2, 2);
  const Routing routing = weighted(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  Generator random;
  CHECK_THROWS_AS(row_log_likelihood(two_experts(), dense, {}), ValueError);
  CHECK_THROWS_AS(row_log_likelihood(two_experts(), dense, Tensor::from<int64_t>({0, 1, 0})), ShapeError);
  CHECK_THROWS_AS(row_log_likelihood(two_experts(), dense, of_target(Tensor::zeros({2, 3}, DType::f64))), ShapeError);
  const Supervision target = of_target(Tensor::zeros({2, 2}, DType::f64));
  CHECK_THROWS_AS(square_root_likelihood_loss(two_experts(), routing, dense, target), ValueError);
  CHECK_THROWS_AS(scores_of_experts(Scores::entropy, two_experts(), dense, target, 0, random), ValueError);
  CHECK_THROWS_AS(scores_of_experts(Scores::gate, two_experts(), dense, target, 0, random), ValueError);
}

}  // namespace divvy::test
