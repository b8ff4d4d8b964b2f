#include "kernels/binary.h"

#include <cmath>
#include <limits>

#include "tests/support/broadcast.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using namespace kernels::elementwise;
using kernels::Binary;

constexpr double kInfinity = std::numeric_limits<double>::infinity();
constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

struct Row {
  double a, b, y, by_a, by_b;
};

/// The value and the derivatives of op at chosen operands, for both types.
void check_rows(Binary op, const std::vector<Row>& rows) {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f64, DType::f32}) {
      for (const Row& row : rows) {
        INFO(op.name << " of " << row.a << " and " << row.b << ", " << name_of(dtype));
        const Tensor a = Tensor::full({3}, row.a, dtype, device), b = Tensor::full({3}, row.b, dtype, device);
        const Tensor dy = Tensor::full({3}, 1, dtype, device);
        Tensor out = Tensor::empty_like(a);
        const auto expect = [&](double value) {
          CHECK(difference(out.to(Device::cpu()), Tensor::full({3}, value, dtype), 1e-6, 0) == "");
        };
        kernels::binary(op, a, b, out);
        expect(row.y);
        kernels::binary_backward(op, 0, a, b, dy, out);
        expect(row.by_a);
        kernels::binary_backward(op, 1, a, b, dy, out);
        expect(row.by_b);
      }
    }
  }
}

}  // namespace

TEST_CASE("pow keeps its conventions at 0 and below", "[device]") {
  check_rows(Pow(), {
                        {0, 0, 1, 0, 0},
                        {0, 1, 0, 1, 0},
                        {0, 2, 0, 0, 0},
                        {0, 0.5, 0, kInfinity, 0},
                        {0, -1, kInfinity, -kInfinity, -kInfinity},
                        {-2, 2, 4, -4, kNaN},
                        {-2, 3, -8, 12, kNaN},
                        {-2, -1, -0.5, -0.25, kNaN},
                        {-2, 0, 1, 0, kNaN},
                        {-2, 0.5, kNaN, kNaN, kNaN},
                        {2, 0, 1, 0, std::log(2.0)},
                        {1, 5, 1, 5, 0},
                    });
}

TEST_CASE("maximum and minimum share ties and keep NaN", "[device]") {
  check_rows(Maximum(), {{1, 2, 2, 0, 1}, {2, 1, 2, 1, 0}, {2, 2, 2, 0.5, 0.5}, {0.0, -0.0, 0, 0.5, 0.5}});
  check_rows(Minimum(), {{1, 2, 1, 1, 0}, {2, 1, 1, 0, 1}, {2, 2, 2, 0.5, 0.5}, {0.0, -0.0, 0, 0.5, 0.5}});
  for (const Binary& op : {Binary(Maximum()), Binary(Minimum())}) {
    check_rows(op, {{kNaN, 1, kNaN, 1, 1}, {1, kNaN, kNaN, 1, 1}});
  }
}

TEST_CASE("div keeps to the rules of floating point at 0", "[device]") {
  check_rows(Div(), {{1, 0, kInfinity, kInfinity, -kInfinity}, {0, 0, kNaN, kInfinity, kNaN}});
}

TEST_CASE("binary takes every kind of broadcasting, and views that start anywhere", "[device]") {
  struct Case {
    Shape a, b;
  };
  for (const auto& [a_shape, b_shape] : {Case{{37}, {37}},
                                         {{64, 12}, {12}},
                                         {{64, 12}, {64, 1}},
                                         {{1}, {5, 8}},
                                         {{5, 8}, {}},
                                         {{3, 1, 8}, {1, 7, 8}},
                                         {{3, 1, 5}, {4, 1}},
                                         {{2, 1, 3, 1}, {5, 1, 4}},
                                         {{6, 1}, {1, 6}},
                                         {{4, 0}, {4, 1}},
                                         {{7, 4, 1}, {7, 1, 4}}}) {
    for (const int64_t start : {0, 1}) {
      const auto view = [start](const Shape& shape, uint64_t seed, DType dtype, Device device) {
        return random_tensor({shape.numel() + 2}, seed, 1, 2, dtype)
            .to(device)
            .slice(start, start + shape.numel())
            .reshape(shape);
      };
      const Shape shape = broadcast_shapes("test", a_shape, b_shape);
      INFO(a_shape.to_string() << " and " << b_shape.to_string() << " from " << start);
      for (const DType dtype : {DType::f32, DType::f64}) {
        const Tensor a = view(a_shape, 1, dtype, {}), b = view(b_shape, 2, dtype, {}), dy = view(shape, 3, dtype, {});
        const auto u = broadcast_values(a, shape), v = broadcast_values(b, shape), g = dy.to_doubles();
        std::vector<double> quotient, gradient;
        for (size_t i = 0; i < u.size(); ++i) {
          quotient.push_back(u[i] / v[i]);
          gradient.push_back(-g[i] * u[i] / v[i] / v[i]);
        }
        for (const Device device : available_devices()) {
          Tensor all = Tensor::zeros({shape.numel() + 2}, dtype, device);
          Tensor y = all.slice(start, start + shape.numel()).reshape(shape);
          const Tensor x = view(a_shape, 1, dtype, device), z = view(b_shape, 2, dtype, device);
          kernels::binary(Div(), x, z, y);
          CHECK(difference(y.to(Device::cpu()), Tensor::from(quotient, shape), 1e-6, 0) == "");
          kernels::binary_backward(Div(), 1, x, z, view(shape, 3, dtype, device), y);
          CHECK(difference(y.to(Device::cpu()), Tensor::from(gradient, shape), 1e-6, 0) == "");
          CHECK(all.to_doubles()[static_cast<size_t>(start == 0 ? shape.numel() : 0)] == 0);
        }
      }
    }
  }
}

TEST_CASE("binary kernels refuse what does not fit") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({3});
  Tensor y = Tensor::empty({2, 3}), wrong = Tensor::empty({3}), wide = Tensor::empty({2, 3}, DType::f64);
  CHECK_THROWS_AS(kernels::binary(Add(), a, b, wrong), ShapeError);
  CHECK_THROWS_AS(kernels::binary(Add(), a, b, wide), DTypeError);
  CHECK_THROWS_AS(kernels::binary(Add(), Tensor(), b, y), ValueError);
  CHECK_THROWS_AS(kernels::binary_backward(Mul(), 2, a, b, a, y), ValueError);
  CHECK_THROWS_AS(kernels::binary_backward(Mul(), 0, a, Tensor(), a, y), ValueError);
  CHECK_THROWS_AS(kernels::binary_backward(Mul(), 1, Tensor::zeros({4}), b, a, y), ShapeError);
  CHECK_THROWS_AS(kernels::binary_backward(Mul(), 0, a, b, a, wrong), ShapeError);
  kernels::binary_backward(Mul(), 0, Tensor(), b, a, y);  // the derivative by a does not read a
}

}  // namespace divvy::test
