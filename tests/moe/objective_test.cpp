#include "moe/objective.h"

#include "moe/regularisers.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

using namespace moe;

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

TEST_CASE("importance passes a gradient check") {
  for (const Shape& shape : {Shape{1, 2}, {3, 2}, {2, 5}, {6, 10}}) {
    Variable p(random_tensor(shape, 3, 0.1, 1), true);
    const auto report = gradcheck([&] { return importance_loss(p); }, {p});
    INFO(report.text);
    CHECK(report.ok);
  }
}

TEST_CASE("the objective is the cross-entropy of the output plus the weighted regulariser") {
  Forward forward;
  forward.output = Variable(Tensor::from({.5, .5, .9, .1}, {2, 2}));
  forward.routing.probabilities = Variable(Tensor::from({.25, .75, .25, .75}, {2, 2}));
  const Tensor labels = Tensor::from<int64_t>({0, 1});
  const double loss = -(std::log(.5) + std::log(.1)) / 2;
  const Terms plain = evaluate({}, forward, labels);
  CHECK(plain.total.value().item() == Approx(loss));
  CHECK(!plain.regulariser("importance").defined());
  const Terms both = evaluate({.importance = 0.2}, forward, labels);
  CHECK(both.loss.value().item() == Approx(loss));
  CHECK(both.regulariser("importance").value().item() == Approx(0.5));
  CHECK(both.total.value().item() == Approx(loss + 0.1));
  CHECK_THROWS_AS(evaluate({.importance = -1}, forward, labels), ValueError);
  CHECK_THROWS_AS(evaluate({.importance = std::nan("")}, forward, labels), ValueError);
}

}  // namespace divvy::test
