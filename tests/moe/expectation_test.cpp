#include "moe/training/expectation.h"

#include <cmath>

#include "kernels/fill.h"
#include "moe/model/combine.h"
#include "moe/reproduction/quirks.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using namespace moe;

constexpr int64_t kSamples = 23, kExperts = 3, kClasses = 4;

data::Dataset points() {
  data::Dataset set;
  set.name = "points";
  set.x = random_tensor({kSamples, 2}, 1, -1, 1, DType::f32);
  set.y = random_indices({kSamples}, kClasses, 2);
  set.classes = kClasses;
  return set;
}

std::shared_ptr<Model> model_of(int64_t targets = 0) {
  Generator generator(3);
  return build_model({.model = "em",
                      .network = targets > 0 ? "barber" : "shallow-2d",
                      .experts = kExperts,
                      .classes = targets > 0 ? 0 : kClasses,
                      .targets = targets},
                     generator);
}

Stage stage_of(EStep step) {
  Stage stage;
  stage.e_step = step;
  return stage;
}

}  // namespace

TEST_CASE("responsibilities are in proportion to gate times likelihood") {
  const auto model = model_of();
  const data::Dataset set = points();
  Generator random;
  const Expectation soft = expectation_step(*model, set, stage_of(EStep::soft), 8, random);
  const Expectation hard = expectation_step(*model, set, stage_of(EStep::hard), 8, random);
  REQUIRE(soft.responsibilities.shape() == Shape{kSamples, kExperts});
  REQUIRE(hard.experts.shape() == Shape{kSamples, 1});
  const Forward forward = model->run(Variable(set.x), {}, random);
  const auto rows = by_expert(forward.rows, forward.dispatch).value().to_doubles();
  const auto gate = forward.routing.probabilities.value().to_doubles();
  const auto got = soft.responsibilities.to_doubles();
  for (size_t b = 0; b < kSamples; ++b) {
    const auto label = static_cast<size_t>(set.y.values<int64_t>()[b]);
    std::vector<double> joint;
    double total = 0;
    for (size_t e = 0; e < kExperts; ++e) {
      joint.push_back(gate[b * kExperts + e] * rows[(e * kSamples + b) * kClasses + label]);
      total += joint.back();
    }
    for (size_t e = 0; e < kExperts; ++e) CHECK(got[b * kExperts + e] == Approx(joint[e] / total).epsilon(1e-4));
    const auto best = std::max_element(joint.begin(), joint.end()) - joint.begin();
    CHECK(hard.experts.values<int64_t>()[b] == best);
  }
  Supervision known;
  soft.fill(known, Tensor::from<int64_t>({5, 2}));
  CHECK(known.responsibilities.shape() == Shape{2, kExperts});
  CHECK(known.responsibilities.to_doubles()[0] == got[5 * kExperts]);
  CHECK(!known.experts.defined());
}

TEST_CASE("the E-step's quirks scramble assignments and turn the gate around") {
  const auto model = model_of();
  const data::Dataset set = points();
  Generator random(4);
  const Expectation plain = expectation_step(*model, set, stage_of(EStep::soft), 8, random);
  Stage scrambled = stage_of(EStep::soft);
  Recipe recipe{"em", {scrambled}};
  Quirks::parse("scrambled-em").apply(recipe, {});
  scrambled = recipe.stages[0];
  const Expectation mixed = expectation_step(*model, set, scrambled, 8, random);
  CHECK(!same_bits(plain.responsibilities, mixed.responsibilities));
  auto sorted = plain.responsibilities.to_doubles(), other = mixed.responsibilities.to_doubles();
  std::ranges::sort(sorted);
  std::ranges::sort(other);
  CHECK(sorted == other);  // the same rows, elsewhere

  data::Dataset regression = set;
  regression.target = random_tensor({kSamples, 2}, 9, -1, 1, DType::f32);
  const auto regressing = model_of(2);
  Stage quirk = stage_of(EStep::hard);
  recipe.stages = {quirk};
  Quirks::parse("em-gate-sign").apply(recipe, {.targets = 2});
  quirk = recipe.stages[0];
  const Expectation least = expectation_step(*regressing, regression, quirk, 8, random);
  const Forward forward = regressing->run(Variable(set.x), {}, random);
  const auto rows = by_expert(forward.rows, forward.dispatch).value().to_doubles();
  const auto gate = forward.routing.probabilities.value().to_doubles();
  for (size_t b = 0; b < kSamples; ++b) {
    std::vector<double> product;
    for (size_t e = 0; e < kExperts; ++e) {
      double loss = 0;
      for (size_t d = 0; d < 2; ++d) {
        loss += std::pow(rows[(e * kSamples + b) * 2 + d] - regression.target.to_doubles()[b * 2 + d], 2);
      }
      product.push_back(loss * gate[b * kExperts + e]);
    }
    CHECK(least.experts.values<int64_t>()[b] == std::min_element(product.begin(), product.end()) - product.begin());
  }
}

TEST_CASE("experts that are all alike share every sample, and the first one answers") {
  const auto model = model_of();
  for (Variable parameter : model->parameters()) kernels::fill(parameter.mutable_value(), 0);
  Generator random;
  const Expectation soft = expectation_step(*model, points(), stage_of(EStep::soft), 8, random);
  CHECK(difference(soft.responsibilities, Tensor::full({kSamples, kExperts}, 1. / kExperts), 1e-6, 0) == "");
  const Expectation hard = expectation_step(*model, points(), stage_of(EStep::hard), 8, random);
  for (int64_t expert : hard.experts.values<int64_t>()) CHECK(expert == 0);
}

TEST_CASE("a stage without an E-step has none to take") {
  const auto model = model_of();
  Generator random;
  CHECK_THROWS_AS(expectation_step(*model, points(), stage_of(EStep::none), 8, random), ValueError);
}

}  // namespace divvy::test
