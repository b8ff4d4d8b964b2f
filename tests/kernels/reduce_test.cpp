#include "kernels/reduce.h"

#include <cmath>
#include <limits>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;
using namespace kernels;

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// All results for x [outer, reduce, inner] by plain loops; of each [outer, inner].
struct Naive {
  std::vector<double> sum, max, argmax, logsumexp, var;

  explicit Naive(const Tensor& x) {
    const auto values = x.to_doubles();
    for (int64_t o = 0; o < x.size(0); ++o) {
      for (int64_t i = 0; i < x.size(2); ++i) {
        std::vector<double> all;
        for (int64_t r = 0; r < x.size(1); ++r) {
          all.push_back(values[static_cast<size_t>((o * x.size(1) + r) * x.size(2) + i)]);
        }
        add(all);
      }
    }
  }

  void add(const std::vector<double>& all) {
    double total = 0, largest = -kInfinity, exps = 0, squares = 0, best = 0;
    for (size_t r = 0; r < all.size(); ++r) {
      total += all[r];
      if (all[r] > largest) largest = all[r], best = static_cast<double>(r);
    }
    const double mean = total / static_cast<double>(all.size());
    for (const double v : all) {
      exps += std::exp(v - largest);
      squares += (v - mean) * (v - mean);
    }
    sum.push_back(total);
    max.push_back(largest);
    argmax.push_back(best);
    logsumexp.push_back(largest + std::log(exps));
    var.push_back(squares / static_cast<double>(all.size()));
  }
};

}  // namespace

TEST_CASE("reductions of every form of work agree with naive loops", "[kernel][device]") {
  // Short and long runs, few and many results, one chunk and chunks of chunks.
  for (const Shape& shape :
       {Shape{3, 3, 1}, Shape{300, 4, 1}, Shape{7, 5, 1}, Shape{33, 9, 1}, Shape{5, 100, 1}, Shape{2, 1024, 1},
        Shape{2, 1025, 1}, Shape{3, 8193, 1}, Shape{1, 600000, 1}, Shape{4, 10, 6}, Shape{2, 64, 70}, Shape{2, 65, 2},
        Shape{2, 500, 10}, Shape{1, 3000, 33}, Shape{3, 260, 100}, Shape{1, 40000, 7}, Shape{1, 1, 1}}) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      Tensor x = random_tensor(shape, 5, -2, 2, dtype);
      const Naive expected(x);
      const double rtol = dtype == DType::f32 ? 2e-6 : 1e-12;
      for (const Device device : available_devices()) {
        INFO(fmt::format("{} {} on {}", dtype, shape, device));
        const Tensor there = x.to(device);
        const Shape reduced{shape[0], shape[2]};
        Tensor y = Tensor::empty(reduced, dtype, device), mean = Tensor::empty_like(y);
        Tensor index = Tensor::empty(reduced, DType::i64, device);
        const auto expect = [&](const std::vector<double>& values) {
          CHECK(difference(y.to(Device::cpu()), Tensor::from(values, reduced), rtol, 10 * rtol) == "");
        };
        reduce_sum(there, 1, y);
        expect(expected.sum);
        reduce_max(there, y);
        expect(expected.max);
        reduce_argmax(there, index);
        CHECK(index.to_doubles() == expected.argmax);
        reduce_logsumexp(there, y);
        expect(expected.logsumexp);
        reduce_var(there, 0, mean, y);
        expect(expected.var);
      }
    }
  }
}

TEST_CASE("reductions of NaN, infinities and ties", "[kernel][device]") {
  const double nan = std::nan("");
  struct Case {
    std::vector<double> values;
    double max, argmax, logsumexp;
  };
  for (const int64_t padding : {0, 10, 2000}) {  // by a thread, a warp and a block
    for (const Case& c :
         {Case{{1, 3, 3, 2}, 3, 1, 3 + std::log(2 + std::exp(-1.0) + std::exp(-2.0))},
          Case{{1, nan, 3, nan}, nan, 1, nan}, Case{{1, kInfinity, 3, kInfinity}, kInfinity, 1, kInfinity},
          Case{{nan, kInfinity, 3, 2}, nan, 0, nan}, Case{{kInfinity, nan, 3, 2}, nan, 1, nan},
          Case{{-kInfinity, -kInfinity, 3, -kInfinity}, 3, 2, 3},
          Case{{-kInfinity, -kInfinity, -kInfinity, -kInfinity}, -kInfinity, 0, -kInfinity}}) {
      std::vector<double> values(static_cast<size_t>(padding), -kInfinity);
      values.insert(values.end(), c.values.begin(), c.values.end());
      const int64_t count = padding + 4;
      const double argmax = c.max == -kInfinity ? 0 : static_cast<double>(padding) + c.argmax;
      for (const Device device : available_devices()) {
        INFO(fmt::format("[{}] after {} on {}", fmt::join(c.values, ", "), padding, device));
        for (const DType dtype : {DType::f32, DType::f64}) {
          const Tensor x = converted(Tensor::from(values, {1, count, 1}), dtype).to(device);
          Tensor y = Tensor::empty({1, 1}, dtype, device), index = Tensor::empty({1, 1}, DType::i64, device);
          reduce_max(x, y);
          CHECK(difference(y.to(Device::cpu()), Tensor::full({1, 1}, c.max, dtype), 0, 0) == "");
          reduce_argmax(x, index);
          CHECK(index.item() == argmax);
          reduce_logsumexp(x, y);
          CHECK(difference(y.to(Device::cpu()), Tensor::full({1, 1}, c.logsumexp, dtype), 1e-6, 0) == "");
        }
      }
    }
  }
}

TEST_CASE("the reductions refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({2, 3, 4}), flat = Tensor::zeros({6, 4}), whole = Tensor::zeros({2, 3, 4}, DType::i64);
  const Tensor dy = Tensor::zeros({2, 4}), empty = Tensor::zeros({2, 0, 4});
  Tensor y = Tensor::zeros({2, 4}), wrong = Tensor::zeros({2, 3}), half = Tensor::zeros({2, 4}, DType::f64);
  Tensor dx = Tensor::zeros({2, 3, 4}), wrong_dx = Tensor::zeros({2, 4, 3}), index = Tensor::zeros({2, 4}, DType::i64);
  for (const auto& reduce : {+[](const Tensor&x, Tensor&y) { reduce_sum(x, 1, y); }, &reduce_max, &reduce_logsumexp,
                             +[](const Tensor&x, Tensor&y) { reduce_var(x, 1, y, y); }}) {
    CHECK_NOTHROW(reduce(x, y));
    CHECK_THAT(refusal<ShapeError>([&] { reduce(flat, y); }), Contains("x must have rank 3, got [6, 4]"));
    CHECK_THAT(refusal<ShapeError>([&] { reduce(x, wrong); }), Contains("must be [2, 4], got [2, 3]"));
    CHECK_THAT(refusal<DTypeError>([&] { reduce(x, half); }), Contains("must be f32, got f64"));
    CHECK_THAT(refusal<DTypeError>([&] { reduce(whole, y); }), Contains("f32 or f64, got i64"));
    CHECK_THAT(refusal<ValueError>([&] { reduce(Tensor(), y); }), Contains("x is undefined"));
  }
  CHECK_THAT(refusal<ValueError>([&] { reduce_max(empty, y); }), Contains("an empty set has no maximum"));
  CHECK_THAT(refusal<ValueError>([&] { reduce_argmax(empty, index); }), Contains("an empty set has no maximum"));
  CHECK_THAT(refusal<DTypeError>([&] { reduce_argmax(x, y); }), Contains("y must be i64, got f32"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_argmax(x, wrong); }), Contains("y must be [2, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_sum_backward(wrong, 1, dx); }),
             Contains("dy must be [2, 4], got [2, 3]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_max_backward(x, y, dy, wrong_dx); }), Contains("dx must be [2, 3, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_max_backward(x, wrong, dy, dx); }), Contains("y must be [2, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_logsumexp_backward(x, y, dy, wrong_dx); }),
             Contains("dx must be [2, 3, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_var_backward(x, wrong, 1, dy, dx); }), Contains("mean must be [2, 4]"));
}

}  // namespace divvy::test
