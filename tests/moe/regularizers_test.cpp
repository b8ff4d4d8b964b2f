#include "moe/training/regularizers.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "autograd/ops/softmax.h"
#include "nn/linear.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

Variable probabilities(int64_t samples, int64_t experts, uint64_t seed) {
  return Variable(softmax(Variable(random_tensor({samples, experts}, seed, -2, 2))).value());
}

void check_gradient(const std::function<Variable()>& loss, const std::vector<Variable>& leaves) {
  const auto report = gradcheck(loss, leaves);
  INFO(report.text);
  CHECK(report.ok);
}

}  // namespace

TEST_CASE("importance is the squared coefficient of variation of the experts' mass") {
  // Masses 1, 3: mean 2, unbiased variance 2, so 2 / 4.
  const Variable p(Tensor::from({.25, .75, .25, .75, .25, .75, .25, .75}, {4, 2}));
  CHECK(importance_loss(p).value().item() == Approx(0.5));
  CHECK(importance_loss(Variable(Tensor::full({3, 4}, .25, DType::f64))).value().item() == Approx(0).margin(1e-30));
  CHECK(importance_loss(Variable(Tensor::from({1., 0., 0.}, {1, 3}))).value().item() ==
        Approx(3));  // E, where one has all
  CHECK(importance_loss(Variable(Tensor::full({5, 1}, 1, DType::f64))).value().item() == 0);
  CHECK_THROWS_AS(importance_loss(Variable(Tensor::zeros({4}))), ShapeError);
}

TEST_CASE("sample similarity is the sum over all pairs of samples and experts") {
  for (const auto& [samples, experts] : {std::pair<int64_t, int64_t>{1, 1}, {1, 3}, {2, 1}, {4, 2}, {5, 4}}) {
    const Variable p = probabilities(samples, experts, 7);
    const Tensor d = random_tensor({samples, samples}, 8, 0, 1);
    const auto pv = p.value().to_doubles(), dv = d.to_doubles();
    double same = 0, different = 0;
    for (int64_t b = 0; b < samples; ++b) {
      for (int64_t c = 0; c < samples; ++c) {
        for (int64_t i = 0; i < experts; ++i) {
          for (int64_t j = 0; j < experts; ++j) {
            const double term = pv[static_cast<size_t>(b * experts + i)] * pv[static_cast<size_t>(c * experts + j)] *
                                dv[static_cast<size_t>(b * samples + c)];
            (i == j ? same : different) += term;
          }
        }
      }
    }
    const auto number = static_cast<double>(experts);
    const SampleSimilarity got = sample_similarity(p, d);
    CHECK(got.same.value().item() == Approx(same / number));
    CHECK(got.different.value().item() ==
          Approx(experts == 1 ? 0 : different / (number * number - number)).margin(1e-15));
  }
  CHECK_THROWS_AS(sample_similarity(probabilities(3, 2, 1), Tensor::zeros({2, 2}, DType::f64)), ShapeError);
}

TEST_CASE("distances are divided by the greatest one, and features can stand for samples") {
  const Tensor x = Tensor::from({0., 0., 3., 4., 0., 10.}, {3, 2});
  CHECK(difference(normalized_distance(x),
                   Tensor::from({0., .5, 1., .5, 0., std::sqrt(45.) / 10, 1., std::sqrt(45.) / 10, 0.}, {3, 3}), 1e-12,
                   0) == "");
  // Equal samples have no distance to divide by.
  CHECK(difference(normalized_distance(Tensor::full({2, 3}, 4, DType::f64)), Tensor::zeros({2, 2}, DType::f64), 0, 0) ==
        "");
  CHECK(normalized_distance(Tensor::zeros({0, 3}, DType::f64)).shape() == Shape{0, 0});
  CHECK(normalized_distance(Tensor::zeros({1, 3}, DType::f64)).item() == 0);
  Generator generator(2);
  nn::Linear first({.in = 2, .out = 1, .bias = false, .dtype = DType::f64}, generator);
  Variable(first.weight()).set_value(Tensor::from({1., 0.}, {1, 2}));  // only the first coordinate
  CHECK(difference(normalized_distance(x, &first), Tensor::from({0., 1., 0., 1., 0., 1., 0., 1., 0.}, {3, 3}), 1e-12,
                   0) == "");
}

TEST_CASE("class balance is the variation of the mass of the classes") {
  const Variable y(Tensor::from({1., 0., 1., 0., 1., 0., 0., 1.}, {4, 2}));  // masses 3 and 1
  CHECK(class_balance_loss(y).value().item() == Approx(0.5));
  CHECK(class_balance_loss(Variable(Tensor::full({4, 1}, 1, DType::f64))).value().item() == 0);
}

TEST_CASE("orthogonality is the mean inner product of the outputs of two experts") {
  const Tensor outputs = random_tensor({3, 4, 5}, 11, 0, 1);
  const auto y = outputs.to_doubles();
  double total = 0;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t j = 0; j < 3; ++j) {
      for (size_t b = 0; b < 20 && i != j; ++b) total += y[i * 20 + b] * y[j * 20 + b];
    }
  }
  CHECK(orthogonality_loss(Variable(outputs)).value().item() == Approx(total / 6 / 4));
  // Experts that give all mass to classes of their own.
  CHECK(orthogonality_loss(Variable(Tensor::from({1., 0., 0., 1.}, {2, 1, 2}))).value().item() == 0);
  CHECK(orthogonality_loss(Variable(Tensor::from({1., 0., 1., 0.}, {2, 1, 2}))).value().item() == 1);
  CHECK(orthogonality_loss(Variable(Tensor::full({1, 3, 2}, .5, DType::f64))).value().item() == 0);
  CHECK(orthogonality_loss(Variable(Tensor::zeros({2, 0, 2}, DType::f64))).value().item() == 0);
  CHECK_THROWS_AS(orthogonality_loss(Variable(Tensor::zeros({2, 2}, DType::f64))), ShapeError);
}

TEST_CASE("the ideal gate gives all mass to the likeliest expert") {
  const Variable p(Tensor::from({.25, .75, .5, .5}, {2, 2}));
  const Variable likelihoods(Tensor::from({-1., -2., -3., -.5}, {2, 2}));
  // Ideal: (1 0), (0 1).
  CHECK(ideal_gate_loss(p, likelihoods).value().item() == Approx((.75 * .75 * 2 + .5 * .5 * 2) / 4));
  // Of equals the first is ideal; of one expert that one.
  const Variable alike(Tensor::from({-1., -1., -1., -1.}, {2, 2})), one(Tensor::full({2, 1}, 1., DType::f64));
  CHECK(ideal_gate_loss(p, alike).value().item() == Approx((.75 * .75 * 2 + .5 * .5 * 2) / 4));
  CHECK(ideal_gate_loss(one, Variable(Tensor::from({-1., -7.}, {2, 1}))).value().item() == 0);
  CHECK_THROWS_AS(ideal_gate_loss(p, Variable(Tensor::zeros({2, 3}, DType::f64))), ShapeError);
}

TEST_CASE("a gate regresses the log-likelihoods of the experts") {
  Variable scores(Tensor::from({-1., -2., 0., -3.}, {2, 2}), true);
  Variable likelihoods(Tensor::from({-1.5, -2.5, -1., -1.}, {2, 2}), true);
  const Variable loss = gate_regression_loss(scores, likelihoods);
  CHECK(loss.value().item() == Approx((.5 + 1) / 2 + (.5 + 2) / 2));
  backward(loss);
  CHECK(!likelihoods.grad().defined());
  CHECK(difference(scores.grad(), Tensor::from({.5, .5, .5, -.5}, {2, 2}), 1e-12, 0) == "");
  CHECK_THROWS_AS(gate_regression_loss(scores, Variable(Tensor::zeros({2, 3}, DType::f64))), ShapeError);
}

TEST_CASE("every regularizer passes a gradient check") {
  for (const auto& [samples, experts] : {std::pair<int64_t, int64_t>{1, 2}, {3, 2}, {4, 5}, {3, 1}}) {
    Variable p(random_tensor({samples, experts}, 3, 0.1, 1), true);
    check_gradient([&] { return importance_loss(p); }, {p});
    check_gradient([&] { return class_balance_loss(p); }, {p});
    const Tensor d = random_tensor({samples, samples}, 4, 0, 1);
    check_gradient([&] { return sample_similarity(p, d).same; }, {p});
    check_gradient([&] { return sample_similarity(p, d).different; }, {p});
    const Variable likelihoods(distinct_tensor({samples, experts}, 5, 0.1));
    check_gradient([&] { return ideal_gate_loss(p, likelihoods); }, {p});
    check_gradient([&] { return gate_regression_loss(p, likelihoods); }, {p});
    Variable outputs(random_tensor({experts, samples, 3}, 6, 0.1, 1), true);
    check_gradient([&] { return orthogonality_loss(outputs); }, {outputs});
  }
}

}  // namespace divvy::test
