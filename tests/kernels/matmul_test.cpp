#include "kernels/matmul.h"

#include <array>
#include <cmath>
#include <random>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

struct Operands {
  Tensor a, b;
  MatmulOptions options;
  Shape result;
};

Operands random_operands(int64_t products, int64_t m, int64_t n, int64_t depth, bool ta, bool tb, DType dtype) {
  const Shape stack = products < 0 ? Shape{} : Shape{products};
  return {random_tensor(stack.concat(ta ? Shape{depth, m} : Shape{m, depth}), 1, -1, 1, dtype),
          random_tensor(stack.concat(tb ? Shape{n, depth} : Shape{depth, n}), 2, -1, 1, dtype),
          {ta, tb},
          stack.concat({m, n})};
}

/// The product over memory that held NaN, so that an element left unwritten shows.
Tensor run(const Operands& operands, Device device = Device::cpu()) {
  Tensor y = Tensor::full(operands.result, std::nan(""), operands.a.dtype()).to(device);
  kernels::matmul(operands.a.to(device), operands.b.to(device), operands.options, y);
  return y.to(Device::cpu());
}

/// One element of the product in f64.
double element(const Operands& o, int64_t product, int64_t i, int64_t j) {
  const bool ta = o.options.transpose_a, tb = o.options.transpose_b;
  const int64_t depth = o.a.size(ta ? -2 : -1), m = o.result[-2], n = o.result[-1];
  const double *a = o.a.data<double>() + product * m * depth, *b = o.b.data<double>() + product * depth * n;
  double sum = 0;
  for (int64_t p = 0; p < depth; ++p) sum += a[ta ? p * m + i : i * depth + p] * b[tb ? j * depth + p : p * n + j];
  return sum;
}

}  // namespace

TEST_CASE("matmul over many tiles agrees with plain loops") {
  std::mt19937_64 random(3);
  for (const bool ta : {false, true}) {
    for (const bool tb : {false, true}) {
      for (const int64_t products : {-1, 3}) {
        const Operands operands = random_operands(products, 300, 530, 601, ta, tb, DType::f64);
        const Tensor y = run(operands);
        for (int k = 0; k < 3000; ++k) {
          const auto s = static_cast<int64_t>(random() % static_cast<uint64_t>(products < 0 ? 1 : products));
          const auto i = static_cast<int64_t>(random() % 300), j = static_cast<int64_t>(random() % 530);
          REQUIRE(y.data<double>()[(s * 300 + i) * 530 + j] ==
                  Approx(element(operands, s, i, j)).epsilon(1e-11).margin(1e-11));
        }
      }
    }
  }
}

TEST_CASE("matmul agrees with plain loops on every device", "[device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const auto& [products, m, n, depth] : {std::array<int64_t, 4>{-1, 1, 1, 1},
                                                  {-1, 33, 17, 70},
                                                  {-1, 5, 7, 0},
                                                  {-1, 0, 7, 3},
                                                  {3, 9, 20, 33},
                                                  {0, 2, 3, 4},
                                                  {4, 65, 1, 2}}) {
        for (const int flags : {0, 1, 2, 3}) {
          const Operands operands = random_operands(products, m, n, depth, flags % 2 == 1, flags / 2 == 1, dtype);
          INFO(device.to_string() << ' ' << name_of(dtype) << ' ' << products << ' ' << m << ' ' << n << ' ' << depth
                                  << ", flags " << flags);
          Operands exact = operands;
          exact.a = converted(exact.a, DType::f64), exact.b = converted(exact.b, DType::f64);
          Tensor expected = Tensor::zeros(operands.result, DType::f64);
          for (int64_t i = 0; i < expected.numel(); ++i) {
            expected.mutable_data<double>()[i] = element(exact, i / (m * n), i / n % m, i % n);
          }
          const double tolerance = dtype == DType::f64 ? 1e-12 : 2e-5;
          CHECK(difference(converted(run(operands, device), DType::f64), expected, tolerance, tolerance) == "");
        }
      }
    }
  }
}

TEST_CASE("matmul has the same bits for any number of threads") {
  const int before = num_threads();
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        for (const auto& [products, m, n, depth] : {std::array<int64_t, 4>{-1, 700, 300, 520}, {400, 3, 20, 33}}) {
          const Operands operands = random_operands(products, m, n, depth, ta, tb, dtype);
          set_num_threads(1);
          const Tensor expected = run(operands);
          for (const int threads : {2, 3, 8}) {
            INFO(name_of(dtype) << ", " << threads << " threads, transposed " << ta << tb << ", " << products);
            set_num_threads(threads);
            CHECK(same_bits(run(operands), expected));
          }
          set_num_threads(before);
        }
      }
    }
  }
}

TEST_CASE("matmul kernel refuses an output that does not fit") {
  const Tensor a = Tensor::zeros({2, 3}), b = Tensor::zeros({3, 4});
  Tensor wide = Tensor::zeros({2, 5}), other = Tensor::zeros({2, 4}, DType::f64), none;
  CHECK_THROWS_AS(kernels::matmul(a, b, {}, wide), ShapeError);
  CHECK_THROWS_AS(kernels::matmul(a, b, {}, other), DTypeError);
  CHECK_THROWS_AS(kernels::matmul(a, b, {}, none), ValueError);
}

}  // namespace divvy::test
