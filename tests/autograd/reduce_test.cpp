#include "autograd/ops/reduce.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "autograd/ops/rows.h"
#include "kernels/reduce.h"
#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN(), kInf = std::numeric_limits<double>::infinity();

using Set = std::vector<double>;
using Axes = std::vector<int>;

/// Collects the elements that belong to each result, by their coordinates, and hands each set to f.
Tensor naive_reduce(const Tensor& x, const Axes& axes, bool keepdim, const std::function<double(const Set&)>& f) {
  std::vector<bool> gone(static_cast<size_t>(x.rank()), axes.empty());
  for (int axis : axes) gone[static_cast<size_t>(x.shape().normalize_axis(axis))] = true;
  std::vector<int64_t> shape;
  int64_t results = 1;
  for (int axis = 0; axis < x.rank(); ++axis) {
    const bool kept = !gone[static_cast<size_t>(axis)];
    if (kept || keepdim) shape.push_back(kept ? x.size(axis) : 1);
    results *= kept ? x.size(axis) : 1;
  }
  std::vector<Set> sets(static_cast<size_t>(results));
  for (int64_t i = 0; i < x.numel(); ++i) {
    int64_t rest = i, result = 0, stride = 1;
    for (int axis = x.rank() - 1; axis >= 0; --axis) {
      const int64_t coordinate = rest % x.size(axis);
      rest /= x.size(axis);
      if (gone[static_cast<size_t>(axis)]) continue;
      result += coordinate * stride;
      stride *= x.size(axis);
    }
    sets[static_cast<size_t>(result)].push_back(x.data<double>()[i]);
  }
  Set values;
  for (const Set& set : sets) values.push_back(f(set));
  return Tensor::from(values, Shape(std::span<const int64_t>(shape)));
}

double sum_of(const Set& set) { return std::accumulate(set.begin(), set.end(), 0.0); }
double mean_of(const Set& set) { return sum_of(set) / static_cast<double>(set.size()); }
double max_of(const Set& set) { return *std::max_element(set.begin(), set.end()); }
double logsumexp_of(const Set& set) {
  double sum = 0;
  for (double x : set) sum += std::exp(x);
  return std::log(sum);
}
double squares_of(const Set& set) {
  double sum = 0;
  for (double x : set) sum += (x - mean_of(set)) * (x - mean_of(set));
  return sum;
}
double biased_var_of(const Set& set) { return squares_of(set) / static_cast<double>(set.size()); }
double unbiased_var_of(const Set& set) { return squares_of(set) / static_cast<double>(set.size() - 1); }

struct Problem {
  Shape shape;
  Axes axes;
};

// The last axis, the first, one in the middle, all, runs of axes, axes that lie apart, sizes of 1 between, several
// chunks.
const std::vector<Problem> kProblems = {{{5}, {}},
                                        {{5}, {0}},
                                        {{3, 4}, {}},
                                        {{3, 4}, {0}},
                                        {{3, 4}, {1}},
                                        {{3, 4}, {-1}},
                                        {{2, 17}, {1}},
                                        {{19, 33}, {0}},
                                        {{2, 3, 4}, {1}},
                                        {{2, 3, 4}, {0, 1}},
                                        {{2, 3, 4}, {2, 1}},
                                        {{2, 3, 4}, {0, 2}},
                                        {{2, 3, 4}, {-3, -1}},
                                        {{2, 2, 3, 2}, {1, 3}},
                                        {{2, 3, 2, 2, 2}, {0, 2, 4}},
                                        {{2, 1, 3}, {0, 2}},
                                        {{0, 3}, {1}},
                                        {{3, 0}, {0}},
                                        {{2, 3, 4}, {0, 1, 2}},
                                        {{7, 600}, {0}},
                                        {{3, 20000}, {1}},
                                        {{9000, 3}, {0}},
                                        {{40000}, {}},
                                        {{2, 40, 700}, {1}}};
// One element a set, where the unbiased variance is not a number; the maximum of one is itself.
const std::vector<Problem> kSingles = {{{}, {}},      {{1}, {0}},    {{1, 1}, {}},
                                       {{4, 1}, {1}}, {{1, 4}, {0}}, {{3, 1, 2}, {1}}};

using Reduce = std::function<Variable(const Variable&, const Axes&, bool)>;

OpCase reduce_case(const char* name, const Reduce& op, double (*reference)(const Set&), bool singles = true) {
  OpCase result;
  result.f32_atol = 3e-5;  // sums of 40,000 elements that were rounded to f32
  uint64_t seed = 1;
  std::vector<Problem> problems = kProblems;
  if (singles) problems.insert(problems.end(), kSingles.begin(), kSingles.end());
  for (const Problem& problem : problems) {
    for (bool keepdim : {false, true}) {
      if (keepdim && problem.shape.numel() > 1000) continue;
      result.samples.push_back(
          {fmt::format("{} over [{}]{}", problem.shape, fmt::join(problem.axes, ", "), keepdim ? ", axes kept" : ""),
           {std::string_view(name) == "max" ? distinct_tensor(problem.shape, seed)
                                            : random_tensor(problem.shape, seed)},
           [=](const auto& in) { return op(in[0], problem.axes, keepdim); },
           [=](const auto& in) { return naive_reduce(in[0], problem.axes, keepdim, reference); }});
      ++seed;
    }
  }
  const Variable x(Tensor::zeros({2, 3}));
  const std::string prefix = fmt::format("{}: ", name);
  result.errors = {
      refuses<ShapeError>(
          "an axis too far", [=] { op(x, {2}, false); }, prefix + "axis 2 is out of range for shape [2, 3]"),
      refuses<ShapeError>(
          "an axis too low", [=] { op(x, {-3}, false); }, prefix + "axis -3 is out of range"),
      refuses<ShapeError>(
          "an axis twice",
          [=] {
            op(x, {1, -1}, false);
          },
          prefix + "axis -1 of shape [2, 3] is given twice"),
      refuses<ShapeError>(
          "an axis of a scalar", [=] { op(Variable(Tensor::scalar(1)), {0}, false); }, "out of range"),
      refuses<DTypeError>(
          "integers", [=] { op(Variable(Tensor::zeros({2}, DType::i64)), {}, false); }, "f32 or f64, got i64"),
      refuses<ValueError>(
          "no variable", [=] { op(Variable(), {}, false); }, "undefined"),
  };
  return result;
}

Variable biased(const Variable& x, const Axes& axes, bool keepdim) { return var(x, axes, false, keepdim); }
Variable unbiased(const Variable& x, const Axes& axes, bool keepdim) { return var(x, axes, true, keepdim); }

Variable leaf(const Tensor& value) { return Variable(value, true); }

Tensor gradient(const Variable& y, const Variable& x, double cotangent = 1) {
  backward(y, Tensor::full(y.shape(), cotangent, y.dtype()));
  return x.grad();
}

}  // namespace

TEST_CASE("sum", "[op]") {
  OpCase op_case = reduce_case("sum", sum, sum_of);
  op_case.samples.push_back({"an empty set is 0",
                             {Tensor::zeros({2, 0}, DType::f64)},
                             [](const auto& in) { return sum(in[0], {1}); },
                             [](const auto&) { return Tensor::zeros({2}, DType::f64); }});
  check(op_case);
}

TEST_CASE("mean", "[op]") { check(reduce_case("mean", mean, mean_of)); }

TEST_CASE("max", "[op]") {
  OpCase op_case = reduce_case("max", max, max_of);
  const auto over = [](const Shape& shape, int axis) { return [=] { max(Variable(Tensor::zeros(shape)), {axis}); }; };
  op_case.errors.push_back(refuses<ValueError>("an empty row", over({3, 0}, 1), "an empty set has no maximum"));
  op_case.errors.push_back(refuses<ValueError>("an empty tensor", over({0}, 0), "an empty set has no maximum"));
  check(op_case);
}

TEST_CASE("logsumexp", "[op]") { check(reduce_case("logsumexp", logsumexp, logsumexp_of)); }
TEST_CASE("biased var", "[op]") { check(reduce_case("var", biased, biased_var_of)); }
TEST_CASE("unbiased var", "[op]") { check(reduce_case("var", unbiased, unbiased_var_of, false)); }

TEST_CASE("the mean, the variance and the logsumexp of an empty set") {
  const Variable x(Tensor::zeros({2, 0}));
  const Tensor nan = Tensor::from({kNaN, kNaN}), infinite = Tensor::from({-kInf, -kInf});
  CHECK(difference(mean(x, {1}).value(), nan, 0, 0) == "");
  CHECK(difference(biased(x, {1}, false).value(), nan, 0, 0) == "");
  CHECK(difference(unbiased(x, {1}, false).value(), nan, 0, 0) == "");
  CHECK(difference(logsumexp(x, {1}).value(), infinite, 0, 0) == "");
}

TEST_CASE("the unbiased variance of one element is not a number, the biased one is 0") {
  const Variable x(Tensor::from({3., 4.}, {2, 1}));
  CHECK(difference(unbiased(x, {1}, false).value(), Tensor::from({kNaN, kNaN}), 0, 0) == "");
  CHECK(difference(biased(x, {1}, false).value(), Tensor::from({0., 0.}), 0, 0) == "");
}

TEST_CASE("equal maxima share the gradient") {
  const Variable x = leaf(Tensor::from({1., 5., 5., 2., 2., 2., 2., 1., 9.}, {3, 3}));
  CHECK(difference(gradient(max(x, {1}), x, 6), Tensor::from({0., 3., 3., 2., 2., 2., 0., 0., 6.}, {3, 3}), 1e-15, 0) ==
        "");
  const Variable apart = leaf(Tensor::from({7., 1., 7., 2., 7., 3., 7., 4.}, {2, 2, 2}));
  const Variable y = max(apart, {0, 2});
  CHECK(difference(gradient(y, apart, 6), Tensor::from({3., 0., 3., 0., 3., 0., 3., 0.}, {2, 2, 2}), 1e-15, 0) == "");
}

TEST_CASE("logsumexp of huge, of tiny and of no scores") {
  const Variable x = leaf(Tensor::from({1000., 1000., -1000., -1000., 0., -kInf, -kInf, -kInf}, {4, 2}));
  const Variable y = logsumexp(x, {1});
  const double log2 = std::log(2.0);
  CHECK(difference(y.value(), Tensor::from({1000 + log2, -1000 + log2, 0., -kInf}), 1e-15, 0) == "");
  // Only the finite rows take part in a loss; that of -inf gets no NaN from its own gradient.
  const Variable part = leaf(Tensor::from({-kInf, -kInf, 1., 1.}, {4, 1}));
  const Variable columns = logsumexp(part, {0});
  CHECK(difference(gradient(columns, part), Tensor::from({0., 0., 0.5, 0.5}, {4, 1}), 1e-15, 0) == "");
  CHECK(logsumexp(Variable(Tensor::from({kInf, 1.})), {}).value().item() == kInf);
}

TEST_CASE("a row of -inf alone gets the gradient 0 from logsumexp") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Variable x = leaf(converted(Tensor::from({-kInf, -kInf, 0., 0., -kInf, 0.}, {3, 2}), dtype));
    // Only the finite rows are looked at: so the first has an upstream gradient of 0, and 0 * exp(-inf + inf) is NaN.
    const Variable y = gather_rows(logsumexp(x, {1}), Tensor::from<int64_t>({1, 2}));
    CHECK(difference(gradient(y, x), Tensor::from({0., 0., 0.5, 0.5, 0., 1.}, {3, 2}), 1e-6, 0) == "");
    Tensor dx = Tensor::empty({1, 2, 1}, dtype);
    const Tensor scores = x.value().slice(0, 1).reshape({1, 2, 1}), most = Tensor::full({1, 1}, -kInf, dtype);
    kernels::reduce_logsumexp_backward(scores, most, Tensor::full({1, 1}, 1, dtype), dx);
    CHECK(dx.to_doubles() == Set{0, 0});
  }
}

TEST_CASE("a NaN shows in every reduction") {
  for (const Shape& shape : {Shape{40, 1}, Shape{1, 40}, Shape{40, 3}}) {
    for (const int axis : {0, 1}) {
      Tensor values = random_tensor(shape, 1);
      values.mutable_values<double>()[7] = kNaN;
      const Variable x(values);
      const auto count = [](const Tensor& y) {
        const auto doubles = y.to_doubles();
        return std::count_if(doubles.begin(), doubles.end(), [](double v) { return std::isnan(v); });
      };
      INFO(shape.to_string() << " over " << axis);
      for (const Variable& y :
           {sum(x, {axis}), mean(x, {axis}), max(x, {axis}), logsumexp(x, {axis}), var(x, {axis}, false)}) {
        CHECK(count(y.value()) == 1);
      }
    }
  }
}

TEST_CASE("sums of a million f32 elements are right to 1e-6") {
  constexpr int64_t kCount = 1000000;
  for (const double low : {0.0, 1000.0}) {
    const Tensor values = random_tensor({kCount}, 3, low, low + 1, DType::f32);
    const auto doubles = values.to_doubles();
    const double expected = std::accumulate(doubles.begin(), doubles.end(), 0.0);
    CHECK(std::abs(sum(Variable(values)).value().item() / expected - 1) < 1e-6);
    CHECK(std::abs(mean(Variable(values)).value().item() / (expected / kCount) - 1) < 1e-6);
    const auto columns = sum(Variable(values.reshape({kCount / 2, 2})), {0}).value().to_doubles();
    double even = 0;
    for (size_t i = 0; i < doubles.size(); i += 2) even += doubles[i];
    CHECK(std::abs(columns[0] / even - 1) < 1e-6);
    CHECK(std::abs(columns[1] / (expected - even) - 1) < 1e-6);
  }
}

TEST_CASE("argmax is the first of equal maxima, and a NaN counts as the largest") {
  const auto at = [](const Tensor& x, int axis) { return argmax(Variable(x), axis); };
  const Tensor x = Tensor::from({1., 3., 3., -1., -1., -2., kNaN, 9., kNaN}, {3, 3});
  CHECK(same_bits(at(x, 1), Tensor::from<int64_t>({1, 0, 0})));
  CHECK(same_bits(at(x, -1), Tensor::from<int64_t>({1, 0, 0})));
  CHECK(same_bits(at(x, 0), Tensor::from<int64_t>({2, 2, 2})));
  CHECK(same_bits(at(Tensor::from({-kInf, -kInf}), 0), Tensor::from<int64_t>({0}, {})));
  CHECK(at(Tensor::zeros({0, 3}), 1).shape() == Shape{0});
  CHECK_THROWS_AS(at(Tensor::zeros({2, 0}), 1), ValueError);
  CHECK_THROWS_AS(at(Tensor::zeros({2, 3}), 2), ShapeError);
  CHECK_THROWS_AS(at(Tensor::scalar(1), 0), ShapeError);
  CHECK_THROWS_AS(at(Tensor::zeros({2}, DType::i64), 0), DTypeError);
}

TEST_CASE("argmax agrees with a naive search for every axis") {
  const Tensor x = random_tensor({7, 30, 50}, 4, -1, 1, DType::f32);
  for (const int axis : {0, 1, 2}) {
    const Tensor got = argmax(Variable(x), axis), most = max(Variable(x), {axis}).value();
    const int64_t inner = x.shape().range(axis + 1).numel(), size = x.size(axis);
    int64_t wrong = 0;
    for (int64_t i = 0; i < got.numel(); ++i) {
      const int64_t index = i / inner * size * inner + got.data<int64_t>()[i] * inner + i % inner;
      wrong += x.data<float>()[index] != most.data<float>()[i];
    }
    CHECK(wrong == 0);
  }
}

}  // namespace divvy::test
