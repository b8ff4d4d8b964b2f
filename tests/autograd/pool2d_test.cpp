#include "autograd/ops/pool2d.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "kernels/pool2d.h"
#include "tensor/error.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

/// reduce(the pixels of a window, in row-major order) for every window.
template <class Reduce>
Tensor naive_pool(const Tensor& x, int64_t kernel, int64_t stride, const Reduce& reduce) {
  const int64_t height = x.size(2), width = x.size(3);
  const int64_t rows = (height - kernel) / stride + 1, columns = (width - kernel) / stride + 1;
  Tensor y = Tensor::zeros({x.size(0), x.size(1), rows, columns}, DType::f64);
  const double* in = x.data<double>();
  double* out = y.mutable_data<double>();
  for (int64_t c = 0; c < x.size(0) * x.size(1); ++c) {
    for (int64_t i = 0; i < rows; ++i) {
      for (int64_t j = 0; j < columns; ++j) {
        std::vector<double> pixels;
        for (int64_t u = 0; u < kernel; ++u) {
          for (int64_t v = 0; v < kernel; ++v) {
            pixels.push_back(in[(c * height + i * stride + u) * width + j * stride + v]);
          }
        }
        out[(c * rows + i) * columns + j] = reduce(pixels);
      }
    }
  }
  return y;
}

double largest(const std::vector<double>& v) { return *std::max_element(v.begin(), v.end()); }
double mean(const std::vector<double>& v) {
  double sum = 0;
  for (double value : v) sum += value;
  return sum / static_cast<double>(v.size());
}

using Pool = Variable (*)(const Variable&, int64_t, int64_t);

OpCase pool_case(Pool pool, double (*reduce)(const std::vector<double>&)) {
  struct Sizes {
    Shape x;
    int64_t kernel, stride;
  };
  const Sizes all[] = {
      {{1, 1, 1, 1}, 1, 1},   {{2, 3, 4, 4}, 1, 1},  {{0, 2, 4, 4}, 2, 2},  {{2, 0, 4, 4}, 2, 2},
      {{1, 1, 2, 2}, 2, 2},   {{1, 1, 3, 3}, 2, 2},  {{3, 2, 2, 2}, 2, 2},  {{3, 1, 26, 26}, 2, 2},
      {{2, 1, 5, 35}, 2, 2},  {{2, 2, 4, 64}, 2, 2}, {{2, 1, 3, 71}, 2, 2}, {{2, 2, 71, 3}, 2, 2},
      {{9, 1, 13, 13}, 2, 2}, {{2, 2, 7, 8}, 3, 3},  {{2, 2, 7, 8}, 3, 1},  {{2, 2, 7, 8}, 3, 2},
      {{1, 2, 9, 9}, 2, 3},   {{1, 2, 6, 5}, 5, 5},  {{1, 2, 6, 6}, 2, 1},  {{2, 1, 4, 4}, 4, 0},
  };
  OpCase result;
  uint64_t seed = 1;
  for (const auto& [x, kernel, stride] : all) {
    // Pixels are apart by more than the steps of gradcheck, so that no step changes which is the largest.
    result.samples.push_back(
        {fmt::format("{} by {} stride {}", x, kernel, stride),
         {distinct_tensor(x, seed++, 1e-3)},
         [=, kernel = kernel, stride = stride](const auto& in) { return pool(in[0], kernel, stride); },
         [=, kernel = kernel, stride = stride](const auto& in) {
           return naive_pool(in[0], kernel, stride == 0 ? kernel : stride, reduce);
         }});
  }
  const Variable x(Tensor::zeros({2, 3, 4, 5}));
  result.errors = {
      refuses<ValueError>(
          "kernel 0", [=] { pool(x, 0, 1); }, "kernel must be at least 1, got 0"),
      refuses<ValueError>(
          "stride -1", [=] { pool(x, 2, -1); }, "stride must be at least 1, got -1"),
      refuses<ShapeError>(
          "a window larger than the image", [=] { pool(x, 5, 1); }, "5 x 5 does not fit"),
      refuses<ShapeError>(
          "rank 3",
          [=] {
            pool(Variable(Tensor::zeros({3, 4, 4})), 2, 2);
          },
          "got [3, 4, 4]"),
      refuses<DTypeError>(
          "integers",
          [=] {
            pool(Variable(Tensor::zeros({1, 1, 4, 4}, DType::i32)), 2, 2);
          },
          "got i32"),
      refuses<ValueError>(
          "no variable", [=] { pool(Variable(), 2, 2); }, "undefined"),
  };
  return result;
}

/// The gradient that reaches x from dy = 1, 2, 3, ...
Tensor max_pool_gradient(const Tensor& values, int64_t kernel, int64_t stride, Device device) {
  const Variable y = max_pool2d(Variable(values.to(device)), kernel, stride);
  Tensor dy = Tensor::empty(y.shape(), y.dtype()), dx = Tensor::empty_like(values).to(device);
  double next = 1;
  for (double& d : dy.mutable_values<double>()) d = next++;
  kernels::max_pool2d_backward(values.to(device), dy.to(device), {kernel, stride}, dx);
  return dx.to(Device::cpu());
}

}  // namespace

TEST_CASE("max_pool2d", "[op]") { check(pool_case(max_pool2d, largest)); }
TEST_CASE("avg_pool2d", "[op]") { check(pool_case(avg_pool2d, mean)); }

TEST_CASE("global_avg_pool2d", "[op]") {
  OpCase result;
  uint64_t seed = 1;
  const Shape shapes[] = {{1, 1, 1, 1}, {0, 2, 3, 3}, {2, 0, 3, 3},  {2, 3, 1, 5},  {2, 3, 5, 1},  {2, 3, 4, 4},
                          {1, 1, 4, 4}, {4, 1, 8, 8}, {2, 2, 5, 7},  {3, 2, 16, 4}, {1, 5, 3, 11}, {2, 1, 13, 13},
                          {1, 2, 2, 2}, {7, 1, 3, 5}, {2, 2, 31, 2}, {1, 3, 9, 9}};
  for (const Shape& shape : shapes) {
    result.samples.push_back({fmt::format("{}", shape),
                              {random_tensor(shape, seed++)},
                              [](const auto& in) { return global_avg_pool2d(in[0]); },
                              [](const auto& in) {
                                Tensor y = Tensor::zeros(in[0].shape().range(0, 2), DType::f64);
                                const auto x = in[0].template values<double>();
                                if (y.numel() == 0) return y;
                                const size_t plane = x.size() / static_cast<size_t>(y.numel());
                                auto out = y.template mutable_values<double>();
                                for (size_t i = 0; i < x.size(); ++i)
                                  out[i / plane] += x[i] / static_cast<double>(plane);
                                return y;
                              }});
  }
  const auto of = [](const Shape& shape, DType dtype = DType::f32) {
    return [=] { global_avg_pool2d(Variable(Tensor::zeros(shape, dtype))); };
  };
  result.errors = {
      refuses<ShapeError>("images without pixels", of({2, 3, 0, 4}), "without pixels"),
      refuses<ShapeError>("rank 2", of({2, 3}), "rank 4, got [2, 3]"),
      refuses<DTypeError>("integers", of({1, 1, 2, 2}, DType::i64), "got i64"),
      refuses<ValueError>(
          "no variable", [] { global_avg_pool2d(Variable()); }, "undefined"),
  };
  check(result);
}

TEST_CASE("the gradient of equal largest pixels goes to the first", "[op]") {
  for (const Device device : available_devices()) {
    INFO(device.to_string());
    const Tensor equal = Tensor::full({1, 1, 4, 4}, 3, DType::f64);
    CHECK(difference(max_pool_gradient(equal, 2, 2, device),
                     Tensor::from({1., 0., 2., 0., 0., 0., 0., 0., 3., 0., 4., 0., 0., 0., 0., 0.}, {1, 1, 4, 4}), 0,
                     0) == "");
    // Windows that overlap: a pixel may be the first of several.
    CHECK(difference(max_pool_gradient(Tensor::full({1, 1, 3, 3}, 3, DType::f64), 2, 1, device),
                     Tensor::from({1., 2., 0., 3., 4., 0., 0., 0., 0.}, {1, 1, 3, 3}), 0, 0) == "");
    const Tensor second = Tensor::from({1., 5., 5., 5.}, {1, 1, 2, 2}),
                 third = Tensor::from({1., 0., 5., 5.}, {1, 1, 2, 2});
    CHECK(difference(max_pool_gradient(second, 2, 2, device), Tensor::from({0., 1., 0., 0.}, {1, 1, 2, 2}), 0, 0) ==
          "");
    CHECK(difference(max_pool_gradient(third, 2, 2, device), Tensor::from({0., 0., 1., 0.}, {1, 1, 2, 2}), 0, 0) == "");
    // Wide enough for vectors, and every pixel of a window the same.
    const Tensor wide = Tensor::full({2, 1, 4, 70}, -1, DType::f64);
    const Tensor gradient = max_pool_gradient(wide, 2, 2, device);
    for (int64_t i = 0; i < wide.numel(); ++i) {
      const int64_t row = i / 70, column = i % 70;
      const double expected = row % 2 == 0 && column % 2 == 0 ? static_cast<double>(row / 2 * 35 + column / 2 + 1) : 0;
      REQUIRE(gradient.data<double>()[i] == expected);
    }
  }
}

TEST_CASE("max_pool2d passes on a NaN, and its gradient to it", "[op]") {
  for (const Device device : available_devices()) {
    for (int64_t kernel : {2, 3}) {
      const int64_t size = kernel * 40;
      for (int64_t at = 0; at < kernel * kernel; ++at) {
        INFO(device.to_string() << ", kernel " << kernel << ", NaN at " << at);
        Tensor values = random_tensor({1, 1, size, size}, 3);
        const int64_t pixel = (kernel + at / kernel) * size + kernel * 2 + at % kernel;
        values.mutable_data<double>()[pixel] = kNaN;
        const Tensor y = max_pool2d(Variable(values.to(device)), kernel).value().to(Device::cpu());
        Tensor dy = Tensor::full(y.shape(), 1, DType::f64), gradient = Tensor::empty_like(values).to(device);
        dy.mutable_data<double>()[40 + 2] = 5;
        kernels::max_pool2d_backward(values.to(device), dy.to(device), {kernel, kernel}, gradient);
        gradient = gradient.to(Device::cpu());
        int64_t nans = 0;
        for (double value : y.values<double>()) nans += std::isnan(value);
        CHECK(nans == 1);
        CHECK(std::isnan(y.data<double>()[40 + 2]));
        CHECK(gradient.data<double>()[pixel] == 5);
      }
    }
  }
}

}  // namespace divvy::test
