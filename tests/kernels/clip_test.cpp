#include "kernels/clip.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;

TEST_CASE("squared_norm and scale against naive loops", "[clip]") {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{2, 3, 5}, Shape{1025}, Shape{40000}}) {
    INFO("shape " << shape.to_string());
    const Tensor x = random_tensor(shape, 3);
    double expected = 0;
    for (double v : x.to_doubles()) expected += v * v;
    CHECK(kernels::squared_norm(x) == Approx(expected).epsilon(1e-12));
    CHECK(kernels::squared_norm(converted(x, DType::f32)) == Approx(expected).epsilon(1e-6));
    for (DType dtype : {DType::f32, DType::f64}) {
      Tensor scaled = converted(x, dtype);
      kernels::scale(scaled, -0.375);
      std::vector<double> values = x.to_doubles();
      for (double& v : values) v *= -0.375;
      CHECK(difference(scaled, Tensor::from(values, shape), 1e-6, 0) == "");
    }
  }
}

TEST_CASE("squared_norm gives the same bits for any number of threads", "[clip]") {
  const Tensor x = random_tensor({100003}, 3, -1, 1, DType::f32);
  const int before = num_threads();
  set_num_threads(1);
  const double expected = kernels::squared_norm(x);
  for (int threads : {2, 3, 8}) {
    set_num_threads(threads);
    CHECK(kernels::squared_norm(x) == expected);
  }
  set_num_threads(before);
}

TEST_CASE("the square of a large float does not overflow", "[clip]") {
  CHECK(kernels::squared_norm(Tensor::full({3}, 1e30)) == Approx(3e60));
  CHECK(std::isnan(kernels::squared_norm(Tensor::full({3}, NAN))));
}

TEST_CASE("squared_norm and scale refuse what does not fit", "[clip]") {
  Tensor none, whole = Tensor::zeros({2}, DType::i64);
  CHECK_THAT(refusal<ValueError>([&] { kernels::squared_norm(none); }), Contains("x is undefined"));
  CHECK_THAT(refusal<DTypeError>([&] { kernels::squared_norm(whole); }), Contains("f32 or f64, got i64"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::scale(none, 1); }), Contains("x is undefined"));
  CHECK_THAT(refusal<DTypeError>([&] { kernels::scale(whole, 1); }), Contains("f32 or f64, got i64"));
}

}  // namespace divvy::test
