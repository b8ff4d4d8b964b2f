#include "kernels/batch_norm.h"

#include <cmath>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/naive_batch_norm.h"

namespace divvy::test {

namespace {

struct Problem {
  Tensor x, gamma, beta, mean, var, dy;
  Segments segments;

  Problem(const Shape& shape, int64_t experts, DType dtype, uint64_t seed)
      : x(random_tensor(shape, seed, -1, 2, dtype)),
        gamma(random_tensor({experts, shape[1]}, seed + 1, 0.5, 1.5, dtype)),
        beta(random_tensor({experts, shape[1]}, seed + 2, -1, 1, dtype)),
        mean(random_tensor({experts, shape[1]}, seed + 3, -1, 1, dtype)),
        var(random_tensor({experts, shape[1]}, seed + 4, 0.5, 2, dtype)),
        dy(random_tensor(shape, seed + 5, -1, 1, dtype)),
        segments{random_offsets(shape[0], experts, seed + 6), {}} {}
};

struct Results {
  kernels::BatchNormResult forward;
  BatchNormStatistics running;
  kernels::BatchNormGradients gradients;
};

/// Both passes, into memory that held NaN, so that an element left unwritten shows.
Results run(const Problem& p, bool training, Device device = Device::cpu()) {
  const auto nan = [&](const Shape& shape, DType dtype) { return Tensor::full(shape, std::nan(""), dtype).to(device); };
  const Shape stack = p.gamma.shape();
  const DType dtype = p.x.dtype();
  const Tensor x = p.x.to(device), gamma = p.gamma.to(device);
  const Segments segments{p.segments.offsets.to(device), {}};
  Results r{{nan(p.x.shape(), dtype), nan(stack, DType::f64), nan(stack, DType::f64)},
            {p.mean.clone().to(device), p.var.clone().to(device)},
            {nan(p.x.shape(), dtype), nan(stack, dtype), nan(stack, dtype)}};
  kernels::batch_norm(x, gamma, p.beta.to(device), r.running, {.training = training}, segments, r.forward);
  kernels::batch_norm_backward(x, gamma, r.forward, p.dy.to(device), training, segments, r.gradients);
  for (Tensor* t : {&r.forward.y, &r.forward.mean, &r.forward.inverse_std, &r.running.mean, &r.running.var,
                    &r.gradients.dx, &r.gradients.dgamma, &r.gradients.dbeta}) {
    *t = t->to(Device::cpu());
  }
  return r;
}

}  // namespace

TEST_CASE("batch_norm of 300 random divisions agrees with plain loops") {
  for (uint64_t i = 0; i < 300; ++i) {
    const auto pick = [&](uint64_t salt, int64_t limit) {
      return random_indices({1}, limit, 1000 * i + salt).data<int64_t>()[0];
    };
    const int64_t rows = pick(1, 20), experts = 1 + pick(2, 6), channels = pick(3, 40);
    const Shape shape = i % 2 == 0 ? Shape{rows, channels} : Shape{rows, channels, 1 + pick(4, 6), 1 + pick(5, 6)};
    for (const bool training : {true, false}) {
      INFO("case " << i << ": " << shape.to_string() << ", " << experts << " experts, training " << training);
      const Problem p(shape, experts, DType::f64, 10 * i);
      const Results r = run(p, training);
      const auto offsets = p.segments.offsets.values<int64_t>();
      const NaiveBatchNorm naive{{offsets.begin(), offsets.end()}, training};
      const auto expected = naive(p.x, p.gamma, p.beta, p.mean, p.var);
      REQUIRE(difference(r.forward.y, expected.y, 1e-10, 1e-10) == "");
      REQUIRE(difference(r.running.mean, expected.running_mean, 1e-12, 1e-12) == "");
      REQUIRE(difference(r.running.var, expected.running_var, 1e-12, 1e-12) == "");
    }
  }
}

TEST_CASE("batch_norm gives on every device what it gives on the CPU", "[device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const Shape& shape : {Shape{70, 37}, Shape{9, 3, 9, 7}, Shape{12, 7, 2, 3}, Shape{7, 2, 4, 8}, Shape{0, 3},
                                 Shape{5, 0, 2, 2}, Shape{4, 2, 0, 3}, Shape{1, 3, 1, 1}, Shape{40, 5, 17, 1}}) {
        for (const int64_t experts : {1, 4}) {
          for (const bool training : {true, false}) {
            INFO(device.to_string() << ' ' << name_of(dtype) << ' ' << shape.to_string() << ", " << experts
                                    << " experts, training " << training);
            const Problem p(shape, experts, dtype, 3);
            const Results expected = run(p, training), got = run(p, training, device);
            const double tolerance = dtype == DType::f64 ? 1e-12 : 1e-5;
            CHECK(difference(got.forward.y, expected.forward.y, tolerance, tolerance) == "");
            CHECK(difference(got.forward.mean, expected.forward.mean, 1e-12, 1e-12) == "");
            CHECK(difference(got.forward.inverse_std, expected.forward.inverse_std, 1e-12, 1e-12) == "");
            CHECK(difference(got.running.mean, expected.running.mean, tolerance, tolerance) == "");
            CHECK(difference(got.running.var, expected.running.var, tolerance, tolerance) == "");
            CHECK(difference(got.gradients.dx, expected.gradients.dx, tolerance, tolerance) == "");
            CHECK(difference(got.gradients.dgamma, expected.gradients.dgamma, tolerance, 10 * tolerance) == "");
            CHECK(difference(got.gradients.dbeta, expected.gradients.dbeta, tolerance, 10 * tolerance) == "");
          }
        }
      }
    }
  }
}

TEST_CASE("batch_norm has the same bits for any number of threads") {
  const int before = num_threads();
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const Shape& shape : {Shape{700, 260}, Shape{64, 24, 9, 7}, Shape{40, 30, 2, 3}}) {
      for (const bool training : {true, false}) {
        const Problem p(shape, 10, dtype, 3);
        set_num_threads(1);
        const Results expected = run(p, training);
        for (const int threads : {2, 3, 8}) {
          INFO(name_of(dtype) << ' ' << shape.to_string() << ", " << threads << " threads, training " << training);
          set_num_threads(threads);
          const Results got = run(p, training);
          CHECK(same_bits(got.forward.y, expected.forward.y));
          CHECK(same_bits(got.forward.mean, expected.forward.mean));
          CHECK(same_bits(got.forward.inverse_std, expected.forward.inverse_std));
          CHECK(same_bits(got.running.mean, expected.running.mean));
          CHECK(same_bits(got.running.var, expected.running.var));
          CHECK(same_bits(got.gradients.dx, expected.gradients.dx));
          CHECK(same_bits(got.gradients.dgamma, expected.gradients.dgamma));
          CHECK(same_bits(got.gradients.dbeta, expected.gradients.dbeta));
        }
        set_num_threads(before);
      }
    }
  }
}

TEST_CASE("batch_norm kernels work in place and leave out gradients that nobody wants") {
  Problem p({30, 5, 3, 3}, 3, DType::f64, 8);
  const Results expected = run(p, true);
  kernels::BatchNormGradients only_gamma{{}, Tensor::empty_like(p.gamma), {}};
  kernels::batch_norm_backward(p.x, p.gamma, expected.forward, p.dy, true, p.segments, only_gamma);
  CHECK(same_bits(only_gamma.dgamma, expected.gradients.dgamma));
  kernels::BatchNormGradients into_dy{p.dy.clone(), {}, {}};
  kernels::batch_norm_backward(p.x, p.gamma, expected.forward, into_dy.dx, true, p.segments, into_dy);
  CHECK(same_bits(into_dy.dx, expected.gradients.dx));
  kernels::BatchNormResult into_x{p.x, Tensor::empty_like(expected.forward.mean),
                                  Tensor::empty_like(expected.forward.mean)};
  BatchNormStatistics running{p.mean, p.var};
  kernels::batch_norm(p.x, p.gamma, p.beta, running, {}, p.segments, into_x);
  CHECK(same_bits(p.x, expected.forward.y));
}

TEST_CASE("batch_norm kernels refuse what does not fit") {
  const Problem p({6, 2}, 2, DType::f32, 1);
  Results r = run(p, true);
  BatchNormStatistics running{p.mean.clone(), p.var.clone()};
  kernels::BatchNormResult single{r.forward.y, Tensor::zeros({2, 2}), r.forward.inverse_std};
  kernels::BatchNormResult narrow{Tensor::zeros({6, 1}), r.forward.mean, r.forward.inverse_std};
  kernels::BatchNormGradients flat{{}, Tensor::zeros({4}), {}};
  CHECK_THROWS_AS(kernels::batch_norm(p.x, p.gamma, p.beta, running, {}, p.segments, single), DTypeError);
  CHECK_THROWS_AS(kernels::batch_norm(p.x, p.gamma, p.beta, running, {}, p.segments, narrow), ShapeError);
  CHECK_THROWS_AS(kernels::batch_norm(p.x, p.gamma, p.beta, running, {}, {}, r.forward), ShapeError);
  CHECK_THROWS_AS(kernels::batch_norm(p.x, p.gamma, Tensor(), running, {}, p.segments, r.forward), ValueError);
  CHECK_THROWS_AS(kernels::batch_norm_backward(p.x, p.gamma, r.forward, p.dy, true, p.segments, flat), ShapeError);
  CHECK_THROWS_AS(kernels::batch_norm_backward(p.x, p.gamma, r.forward, p.gamma, true, p.segments, r.gradients),
                  ShapeError);
}

}  // namespace divvy::test
