#include "autograd/ops/batch_norm.h"

#include <cmath>

#include "tensor/error.h"
#include "tests/support/naive_batch_norm.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

struct Options {
  int64_t experts = 0;                ///< 0: a plain layer
  std::vector<int64_t> offsets = {};  ///< random where empty
  double eps = 1e-5;
};

Sample sample_of(const Shape& shape, const Options& with, bool training, uint64_t seed) {
  const bool plain = with.experts == 0;
  const int64_t experts = plain ? 1 : with.experts;
  NaiveBatchNorm naive{with.offsets, training, 0.1, with.eps};
  Segments segments;
  if (plain) naive.offsets = {0, shape[0]};
  if (naive.offsets.empty()) {
    const Tensor offsets = random_offsets(shape[0], experts, seed);
    naive.offsets.assign(offsets.values<int64_t>().begin(), offsets.values<int64_t>().end());
  }
  if (!plain) segments.offsets = Tensor::from(naive.offsets, {experts + 1});
  const Shape stack = plain ? Shape{shape[1]} : Shape{experts, shape[1]};
  const Tensor mean = random_tensor(stack, seed + 1), var = random_tensor(stack, seed + 2, 0.5, 2);
  // distinct: the derivatives of a variance of nearly equal values are too steep for differences.
  const Tensor x = distinct_tensor(shape, seed + 3, 2.0 / static_cast<double>(std::max<int64_t>(1, shape.numel())));
  return {fmt::format("{} {}, {} experts, offsets {}", training ? "training" : "evaluation", shape, with.experts,
                      fmt::join(naive.offsets, " ")),
          {x, random_tensor(stack, seed + 4, 0.5, 1.5), random_tensor(stack, seed + 5)},
          [=](const auto& in) {
            const Device device = in[0].device();
            BatchNormStatistics running{converted(mean, in[0].dtype()).to(device),
                                        converted(var, in[0].dtype()).to(device)};
            return batch_norm(in[0], in[1], in[2], running, training, 0.1, with.eps,
                              {segments.offsets ? segments.offsets.to(device) : Tensor(), {}});
          },
          [=](const auto& in) { return naive(in[0], in[1], in[2], mean, var).y; }};
}

Variable zeros(const Shape& shape, DType dtype = DType::f32) { return Variable(Tensor::zeros(shape, dtype)); }

BatchNormStatistics fresh(const Shape& shape, DType dtype = DType::f32) {
  return {Tensor::zeros(shape, dtype), Tensor::full(shape, 1, dtype)};
}

}  // namespace

TEST_CASE("batch_norm", "[op]") {
  OpCase op_case;
  uint64_t seed = 100;
  const auto add = [&](const Shape& shape, const Options& with = {}) {
    for (const bool training : {true, false}) op_case.samples.push_back(sample_of(shape, with, training, seed += 10));
  };
  add({5, 3});
  add({2, 1});
  add({9, 20});
  add({0, 3});
  add({4, 0});
  add({3, 2, 2, 2});
  add({1, 3, 2, 1});
  add({2, 3, 0, 4});
  add({4, 2, 3, 5});
  add({2, 1, 4, 9});
  add({3, 5, 3, 3});
  add({7, 3}, {.experts = 1});
  add({12, 3}, {.experts = 3});
  add({9, 18}, {.experts = 3, .offsets = {0, 4, 4, 9}});
  add({9, 2}, {.experts = 3, .offsets = {0, 0, 9, 9}});
  add({6, 4}, {.experts = 3, .offsets = {0, 1, 5, 6}});  // experts with a single row
  add({1, 4}, {.experts = 2, .offsets = {0, 0, 1}});
  add({3, 2, 2, 2}, {.experts = 2, .offsets = {0, 1, 3}});
  add({5, 3, 4, 5}, {.experts = 4});
  add({0, 3, 2, 2}, {.experts = 2});
  add({6, 3}, {.experts = 2, .offsets = {0, 3, 6}, .eps = 0.5});
  op_case.samples.push_back(sample_of({1, 4}, {}, false, 7));  // one value a channel: in evaluation only

  const Variable x = zeros({4, 3}), gamma = zeros({3}), beta = zeros({3}), stacked = zeros({2, 3});
  const auto call = [](const Variable& x, const Variable& g, const Variable& b, BatchNormStatistics running,
                       const Segments& segments = {}, double momentum = 0.1, double eps = 1e-5) {
    return [=]() mutable { batch_norm(x, g, b, running, true, momentum, eps, segments); };
  };
  const Segments two{Tensor::from<int64_t>({0, 1, 4}), {}};
  op_case.errors = {
      refuses<ValueError>("one value a channel", call(zeros({1, 3}), gamma, beta, fresh({3})),
                          "more than 1 value per channel, got x [1, 3]"),
      refuses<ValueError>("one pixel", call(zeros({1, 3, 1, 1}), gamma, beta, fresh({3})),
                          "more than 1 value per channel"),
      refuses<ShapeError>("x of rank 3", call(zeros({4, 3, 2}), gamma, beta, fresh({3})),
                          "[N, C, H, W], got [4, 3, 2]"),
      refuses<ShapeError>("other channels", call(x, zeros({4}), zeros({4}), fresh({4})),
                          "gamma must be [1, 3], got [1, 4]"),
      refuses<ShapeError>("beta of another shape", call(x, gamma, stacked, fresh({3})),
                          "beta must have rank 1, got [2, 3]"),
      refuses<ShapeError>("statistics of another shape", call(x, gamma, beta, fresh({2, 3})),
                          "running mean must have rank 1"),
      refuses<ShapeError>("fewer statistics", call(x, gamma, beta, fresh({2})),
                          "running mean must be [1, 3], got [1, 2]"),
      refuses<ValueError>("no statistics", call(x, gamma, beta, {}), "running mean is undefined"),
      refuses<DTypeError>("f64 statistics of f32", call(x, gamma, beta, fresh({3}, DType::f64)),
                          "must be f32, got f64"),
      refuses<DTypeError>("integers", call(zeros({4, 3}, DType::i64), gamma, beta, fresh({3})), "f32 or f64, got i64"),
      refuses<ShapeError>("experts without segments", call(x, stacked, stacked, fresh({2, 3})),
                          "2 experts need segments"),
      refuses<ValueError>("segments that carry a sample",
                          call(x, stacked, stacked, fresh({2, 3}), {two.offsets, Tensor::from<int64_t>({0, 1, 2, 3})}),
                          "segments.sample belongs to the first layer"),
      refuses<ValueError>("a plain layer with a sample",
                          call(x, gamma, beta, fresh({3}), {{}, Tensor::from<int64_t>({0, 1, 2, 3})}),
                          "segments.sample belongs to the first layer"),
      refuses<ValueError>("momentum", call(x, gamma, beta, fresh({3}), {}, 1.5), "momentum must be in [0, 1], got 1.5"),
      refuses<ValueError>("eps", call(x, gamma, beta, fresh({3}), {}, 0.1, 0), "eps must be positive, got 0"),
      refuses<ValueError>("no variable", call(Variable(), gamma, beta, fresh({3})), "undefined"),
  };
  check(op_case);
}

TEST_CASE("batch_norm in training moves the running statistics of the experts that have rows") {
  const Tensor x = random_tensor({10, 3}, 1, -2, 5), gamma = random_tensor({4, 3}, 2), beta = random_tensor({4, 3}, 3);
  const Tensor mean = random_tensor({4, 3}, 4), var = random_tensor({4, 3}, 5, 0.5, 2);
  // Six rows, none, one and three.
  const NaiveBatchNorm naive{{0, 6, 6, 7, 10}, true, 0.3, 1e-5};
  const Segments segments{Tensor::from(naive.offsets, {5}), {}};
  BatchNormStatistics running{mean.clone(), var.clone()};
  batch_norm(Variable(x), Variable(gamma), Variable(beta), running, true, 0.3, 1e-5, segments);
  const auto expected = naive(x, gamma, beta, mean, var);
  CHECK(difference(running.mean, expected.running_mean, 1e-13, 1e-13) == "");
  CHECK(difference(running.var, expected.running_var, 1e-13, 1e-13) == "");
  for (const int64_t unmoved : {1, 2}) {
    CHECK(same_bits(running.mean[unmoved], mean[unmoved]));
    CHECK(same_bits(running.var[unmoved], var[unmoved]));
  }
  CHECK_FALSE(same_bits(running.mean[0], mean[0]));

  const BatchNormStatistics before{running.mean.clone(), running.var.clone()};
  const uint64_t version = running.mean.version();
  batch_norm(Variable(x), Variable(gamma), Variable(beta), running, false, 0.3, 1e-5, segments);
  CHECK(same_bits(running.mean, before.mean));
  CHECK(same_bits(running.var, before.var));
  CHECK(running.mean.version() == version);
}

TEST_CASE("batch_norm of a plain layer moves statistics of shape [C] and ignores the offsets") {
  const Tensor x = random_tensor({6, 2, 3, 3}, 1), gamma = Tensor::full({2}, 1, DType::f64);
  const Tensor beta = Tensor::zeros({2}, DType::f64);
  BatchNormStatistics running = fresh({2}, DType::f64);
  const BatchNormStatistics start = fresh({2}, DType::f64);
  const Segments segments{Tensor::from<int64_t>({0, 2, 6}), {}};
  const Variable y = batch_norm(Variable(x), Variable(gamma), Variable(beta), running, true, 0.1, 1e-5, segments);
  const auto expected = NaiveBatchNorm{{0, 6}}(x, gamma, beta, start.mean, start.var);
  CHECK(difference(y.value(), expected.y, 1e-12, 1e-12) == "");
  CHECK(difference(running.mean, expected.running_mean, 1e-13, 1e-13) == "");
  CHECK(difference(running.var, expected.running_var, 1e-13, 1e-13) == "");
}

TEST_CASE("batch_norm in f32 keeps its precision far from zero") {
  // The quarter steps are exact in f32 at 10,000; a variance of E[x^2] - E[x]^2 in f32 would lose them all.
  std::vector<float> values;
  for (int i = 0; i < 64; ++i) values.push_back(10000.f + 0.25f * static_cast<float>(i * 37 % 64));
  const Tensor x = Tensor::from(values, {64, 1});
  BatchNormStatistics running = fresh({1});
  const Variable y = batch_norm(Variable(x), Variable(Tensor::full({1}, 1)), zeros({1}), running, true);
  const Tensor one = Tensor::full({1}, 1, DType::f64), zero = Tensor::zeros({1}, DType::f64);
  const auto expected = NaiveBatchNorm{{0, 64}}(converted(x, DType::f64), one, zero, zero, one);
  CHECK(difference(y.value(), expected.y, 1e-6, 1e-6) == "");
}

}  // namespace divvy::test
