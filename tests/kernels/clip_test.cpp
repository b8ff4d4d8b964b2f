#include "kernels/clip.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;

TEST_CASE("squared_norm and scale against naive loops", "[clip][device]") {
  for (const Shape& shape : {Shape{}, Shape{0}, Shape{1}, Shape{2, 3, 5}, Shape{1025}, Shape{40000}}) {
    INFO("shape " << shape.to_string());
    const Tensor x = random_tensor(shape, 3);
    double expected = 0;
    for (double v : x.to_doubles()) expected += v * v;
    for (const Device device : available_devices()) {
      CHECK(kernels::squared_norm(x.to(device)) == Approx(expected).epsilon(1e-12));
      CHECK(kernels::squared_norm(converted(x, DType::f32).to(device)) == Approx(expected).epsilon(1e-6));
      for (DType dtype : {DType::f32, DType::f64}) {
        Tensor scaled = converted(x, dtype).to(device);
        kernels::scale(scaled, -0.375);
        std::vector<double> values = x.to_doubles();
        for (double& v : values) v *= -0.375;
        CHECK(difference(scaled.to(Device::cpu()), Tensor::from(values, shape), 1e-6, 0) == "");
      }
    }
  }
}

TEST_CASE("squared_norms answers for each of many tensors", "[clip][device]") {
  for (const Device device : available_devices()) {
    std::vector<Tensor> tensors;
    for (int64_t i = 0; i < 30; ++i) {
      tensors.push_back(random_tensor({i * 37}, 4, -1, 1, i % 2 == 0 ? DType::f32 : DType::f64).to(device));
    }
    const auto norms = kernels::squared_norms(tensors);
    REQUIRE(norms.size() == tensors.size());
    for (size_t i = 0; i < norms.size(); ++i) CHECK(norms[i] == kernels::squared_norm(tensors[i]));
    CHECK(kernels::squared_norms({}).empty());
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

TEST_CASE("the square of a large float does not overflow", "[clip][device]") {
  for (const Device device : available_devices()) {
    CHECK(kernels::squared_norm(Tensor::full({3}, 1e30, DType::f32, device)) == Approx(3e60));
    CHECK(std::isnan(kernels::squared_norm(Tensor::full({3}, NAN, DType::f32, device))));
  }
}

TEST_CASE("squared_norm and scale refuse what does not fit", "[clip]") {
  Tensor none, whole = Tensor::zeros({2}, DType::i64);
  CHECK_THAT(refusal<ValueError>([&] { kernels::squared_norm(none); }), Contains("x is undefined"));
  CHECK_THAT(refusal<DTypeError>([&] { kernels::squared_norm(whole); }), Contains("f32 or f64, got i64"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::scale(none, 1); }), Contains("x is undefined"));
  CHECK_THAT(refusal<DTypeError>([&] { kernels::scale(whole, 1); }), Contains("f32 or f64, got i64"));
}

TEST_CASE("a factor that stays on the device clips as the one on the host", "[clip][device]") {
  for (const Device device : available_devices()) {
    for (const double max_norm : {0.5, 5.0, 1e3}) {
      Tensor x = Tensor::from({3., 0.}).to(device), y = Tensor::from({-4.F}).to(device);
      Tensor norms = Tensor::empty({2}, DType::f64, device), factor = Tensor::empty({}, DType::f64, device);
      kernels::squared_norms(std::vector{x, y}, norms);
      CHECK(norms.to_doubles() == std::vector<double>{9, 16});
      kernels::clip_factor(norms, max_norm, factor);
      const double expected = std::min(1.0, max_norm / (5 + 1e-6));
      CHECK(factor.item() == expected);
      kernels::scale_by(x, factor);
      kernels::scale_by(y, factor);
      CHECK(x.to_doubles() == std::vector<double>{3 * expected, 0});
      CHECK(y.to_doubles()[0] == -4.F * static_cast<float>(expected));
    }
    Tensor none = Tensor::empty({0}, DType::f64, device), factor = Tensor::empty({}, DType::f64, device);
    kernels::clip_factor(none, 1, factor);
    CHECK(factor.item() == 1);
    kernels::clip_factor(Tensor::full({1}, NAN, DType::f64, device), 1, factor);
    CHECK(factor.item() == 1);
    kernels::clip_factor(Tensor::full({1}, INFINITY, DType::f64, device), 1, factor);
    CHECK(factor.item() == 0);
    CHECK_THROWS_AS(kernels::clip_factor(none, -1, factor), ValueError);
    CHECK_THROWS_AS(kernels::clip_factor(none, 1, none), ShapeError);
    CHECK_THROWS_AS(kernels::scale_by(factor, none), ShapeError);
  }
}

}  // namespace divvy::test
