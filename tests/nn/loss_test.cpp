#include "nn/loss.h"

#include <cmath>

#include "autograd/gradcheck.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using nn::Reduction;

constexpr Reduction kAll[] = {Reduction::none, Reduction::mean, Reduction::sum};

/// A loss of classes, the values it takes, and what it is for one sample.
struct ClassLoss {
  const char* name;
  std::function<Variable(const Variable&, const Tensor&, Reduction)> loss;
  double low, high;
  std::function<double(const double* row, int64_t classes, int64_t label)> naive;
};

std::vector<ClassLoss> class_losses() {
  return {{"cross_entropy", nn::cross_entropy, -3, 3,
           [](const double* row, int64_t classes, int64_t label) {
             double sum = 0;
             for (int64_t c = 0; c < classes; ++c) sum += std::exp(row[c]);
             return std::log(sum) - row[label];
           }},
          {"nll", nn::nll, -3, 0, [](const double* row, int64_t, int64_t label) { return -row[label]; }},
          {"cross_entropy_from_probabilities",
           [](const Variable& p, const Tensor& labels, Reduction r) {
             return nn::cross_entropy_from_probabilities(p, labels, r, 1e-3);
           },
           0.01, 1, [](const double* row, int64_t, int64_t label) { return -std::log(row[label] + 1e-3); }}};
}

Tensor reduced(const std::vector<double>& losses, Reduction reduction) {
  if (reduction == Reduction::none) return Tensor::from(losses, {static_cast<int64_t>(losses.size())});
  double sum = 0;
  for (double loss : losses) sum += loss;
  return Tensor::scalar(reduction == Reduction::sum ? sum : sum / static_cast<double>(losses.size()), DType::f64);
}

}  // namespace

TEST_CASE("losses of classes: values and gradients with every reduction", "[loss]") {
  uint64_t seed = 1;
  for (const ClassLoss& own : class_losses()) {
    for (int64_t rows : {0, 1, 4, 9}) {
      for (int64_t classes : {1, 2, 6}) {
        for (Reduction reduction : kAll) {
          if (rows == 0 && reduction == Reduction::mean) continue;
          INFO(own.name << ", " << rows << " rows, " << classes << " classes, reduction "
                        << static_cast<int>(reduction));
          const Variable x(random_tensor({rows, classes}, ++seed, own.low, own.high), true);
          const Tensor labels = random_indices({rows}, classes, seed);
          std::vector<double> expected;
          for (int64_t b = 0; b < rows; ++b) {
            const int64_t label = labels.data<int64_t>()[b];
            expected.push_back(own.naive(x.value().data<double>() + b * classes, classes, label));
          }
          CHECK(difference(own.loss(x, labels, reduction).value(), reduced(expected, reduction), 1e-12, 1e-13) == "");
          const auto report = gradcheck([&] { return own.loss(x, labels, reduction); }, {x});
          INFO(report.text);
          CHECK(report.ok);
        }
      }
    }
  }
}

TEST_CASE("mse: values and gradients with every reduction", "[loss]") {
  uint64_t seed = 1;
  for (const Shape& shape : {Shape{}, Shape{1}, Shape{0}, Shape{5}, Shape{4, 1}, Shape{3, 2}, Shape{2, 3, 4}}) {
    for (Reduction reduction : kAll) {
      if (shape.numel() == 0 && reduction == Reduction::mean) continue;
      const Variable prediction(random_tensor(shape, ++seed), true), target(random_tensor(shape, seed + 100), true);
      std::vector<double> expected;
      const auto p = prediction.value().to_doubles(), t = target.value().to_doubles();
      for (size_t i = 0; i < p.size(); ++i) expected.push_back((p[i] - t[i]) * (p[i] - t[i]));
      Tensor whole = reduced(expected, reduction);
      if (reduction == Reduction::none) whole = whole.reshape(shape);
      CHECK(difference(nn::mse(prediction, target, reduction).value(), whole, 1e-12, 1e-13) == "");
      const auto report = gradcheck([&] { return nn::mse(prediction, target, reduction); }, {prediction, target});
      INFO(report.text);
      CHECK(report.ok);
    }
  }
}

TEST_CASE("a probability of zero costs -log eps and no infinity", "[loss]") {
  const Variable p(Tensor::from({0., 1.}, {1, 2}), true);
  const Variable loss = nn::cross_entropy_from_probabilities(p, Tensor::from<int64_t>({0}));
  CHECK(loss.value().item() == Approx(-std::log(1e-15)));
  backward(loss);
  CHECK(p.grad().to_doubles() == std::vector<double>{-1 / 1e-15, 0});
}

TEST_CASE("the mean is the default, and reduce serves losses of one's own", "[loss]") {
  const Variable x(random_tensor({4, 3}, 1)), y(random_tensor({4, 3}, 2));
  const Tensor labels = random_indices({4}, 3, 1);
  CHECK(same_bits(nn::cross_entropy(x, labels).value(), nn::cross_entropy(x, labels, Reduction::mean).value()));
  CHECK(same_bits(nn::nll(x, labels).value(), nn::nll(x, labels, Reduction::mean).value()));
  CHECK(same_bits(nn::mse(x, y).value(), nn::mse(x, y, Reduction::mean).value()));
  CHECK(nn::reduce("own", x, Reduction::none).is(x));
  CHECK(refusal<ValueError>([] { nn::reduce("own", Variable(Tensor::zeros({0})), Reduction::mean); }) ==
        "own: an empty batch has no mean; ask for the sum");
}

TEST_CASE("losses of classes refuse bad labels and shapes", "[loss]") {
  const Variable x(Tensor::full({3, 4}, 0.25));
  for (const ClassLoss& own : class_losses()) {
    const auto call = [&](const Variable& scores, const Tensor& labels) { own.loss(scores, labels, Reduction::mean); };
    CHECK(refusal<ValueError>([&] {
            call(x, Tensor::from<int64_t>({0, 4, -1}));
          }) == fmt::format("{}: labels[1] = 4 is outside [0, 4)", own.name));
    CHECK_THAT(refusal<ValueError>([&] {
                 call(x, Tensor::from<int64_t>({0, 3, -1}));
               }),
               Contains("labels[2] = -1 is outside"));
    CHECK_THAT(refusal<DTypeError>([&] {
                 call(x, Tensor::from<int32_t>({0, 1, 2}));
               }),
               Contains("labels must be i64, got i32"));
    CHECK_THAT(refusal<ShapeError>([&] {
                 call(x, Tensor::from<int64_t>({0, 1}));
               }),
               Contains("labels must be [3], got [2]"));
    CHECK_THAT(refusal<ValueError>([&] { call(x, Tensor()); }), Contains("labels is undefined"));
    CHECK_THAT(refusal<ShapeError>([&] {
                 call(Variable(Tensor::zeros({3})), Tensor::from<int64_t>({0, 1, 2}));
               }),
               Contains("rank 2, got [3]"));
    CHECK_THAT(refusal<DTypeError>([&] {
                 call(Variable(Tensor::zeros({3, 4}, DType::u8)), Tensor::from<int64_t>({0, 1, 2}));
               }),
               Contains("f32 or f64, got u8"));
    CHECK(refusal<ValueError>([&] {
            call(Variable(Tensor::zeros({0, 4})), Tensor::zeros({0}, DType::i64));
          }) == fmt::format("{}: an empty batch has no mean; ask for the sum", own.name));
    CHECK_THAT(refusal<ValueError>([&] { call(Variable(), Tensor::from<int64_t>({0})); }), Contains("undefined"));
  }
  for (double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] {
                 nn::cross_entropy_from_probabilities(x, Tensor::from<int64_t>({0, 1, 2}), Reduction::mean, bad);
               }),
               Contains("eps must be finite and not negative"));
  }
}

TEST_CASE("mse refuses unequal shapes and types", "[loss]") {
  const Variable x(Tensor::zeros({3, 1})), flat(Tensor::zeros({3})), wide(Tensor::zeros({3, 1}, DType::f64));
  CHECK(refusal<ShapeError>([&] { nn::mse(x, flat); }) == "mse: target must be [3, 1], got [3]");
  CHECK_THAT(refusal<DTypeError>([&] { nn::mse(x, wide); }), Contains("target must be f32, got f64"));
  CHECK_THAT(refusal<DTypeError>([&] { nn::mse(Variable(Tensor::zeros({2}, DType::i64)), flat); }),
             Contains("got i64"));
  CHECK_THAT(refusal<ValueError>([&] { nn::mse(Variable(Tensor::zeros({0})), Variable(Tensor::zeros({0}))); }),
             Contains("mse: an empty batch has no mean"));
  CHECK_THAT(refusal<ValueError>([&] { nn::mse(x, Variable()); }), Contains("undefined"));
}

}  // namespace divvy::test
