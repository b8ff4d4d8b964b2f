#include "tensor/print.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <sstream>

#include "tensor/error.h"
#include "tests/support/catch.h"

namespace divvy::test {

namespace {

/// 0, 1, 2, ... in the given shape.
Tensor counting(const Shape& shape, DType dtype = DType::i64) {
  Tensor t = Tensor::empty(shape, dtype);
  visit_any(dtype, [&]<class T>() {
    if constexpr (!std::is_same_v<T, bf16>) {
      for (size_t i = 0; i < static_cast<size_t>(t.numel()); ++i) t.mutable_values<T>()[i] = static_cast<T>(i);
    }
  });
  return t;
}

}  // namespace

TEST_CASE("A matrix is printed in aligned columns under a line of its kind") {
  CHECK(to_string(Tensor::from({1.f, -2.5f, 3.f, 40.f, 5.25f, 6.f}, {2, 3})) ==
        "f32 [2, 3] cpu\n"
        "[[ 1.00, -2.50,  3.00],\n"
        " [40.00,  5.25,  6.00]]");
  CHECK(to_string(counting({3, 4}, DType::u8)) ==
        "u8 [3, 4] cpu\n"
        "[[ 0,  1,  2,  3],\n"
        " [ 4,  5,  6,  7],\n"
        " [ 8,  9, 10, 11]]");
}

TEST_CASE("Scalars, vectors, empty and undefined tensors are printed") {
  CHECK(to_string(Tensor::scalar(3.5)) == "f32 [] cpu\n3.5");
  CHECK(to_string(Tensor::from({1., 2.})) == "f64 [2] cpu\n[1.0, 2.0]");
  CHECK(to_string(Tensor::from({int64_t{-9007199254740993}})) == "i64 [1] cpu\n[-9007199254740993]");
  CHECK(to_string(Tensor::full({2}, -0.5, DType::bf16)) == "bf16 [2] cpu\n[-0.5, -0.5]");
  CHECK(to_string(Tensor::zeros({2, 0, 3}, DType::i32)) == "i32 [2, 0, 3] cpu\n[]");
  CHECK(to_string(Tensor()) == "undefined tensor");
}

TEST_CASE("Blocks of a tensor of higher rank are set apart") {
  CHECK(to_string(counting({2, 2, 2})) ==
        "i64 [2, 2, 2] cpu\n"
        "[[[0, 1],\n"
        "  [2, 3]],\n"
        "\n"
        " [[4, 5],\n"
        "  [6, 7]]]");
}

TEST_CASE("Numbers have the digits that they need, up to the precision") {
  CHECK(to_string(Tensor::from({1. / 3, 0.5})) == "f64 [2] cpu\n[0.3333, 0.5000]");
  CHECK(to_string(Tensor::from({1. / 3, 0.5}), {.precision = 2}) == "f64 [2] cpu\n[0.33, 0.50]");
  CHECK(to_string(Tensor::from({1.6, 2.0}), {.precision = 0}) == "f64 [2] cpu\n[2, 2]");
  CHECK(to_string(Tensor::from({0.0, 999999.0})) == "f64 [2] cpu\n[     0.0, 999999.0]");
  CHECK(to_string(Tensor::from({0.0001, 1.0})) == "f64 [2] cpu\n[0.0001, 1.0000]");
}

TEST_CASE("Very large and very small numbers are printed in scientific notation") {
  CHECK(to_string(Tensor::from({1e6, -1.0})) == "f64 [2] cpu\n[ 1.0000e+06, -1.0000e+00]");
  CHECK(to_string(Tensor::from({0.00009, 0.0}), {.precision = 2, .edge_items = 3}) ==
        "f64 [2] cpu\n[9.00e-05, 0.00e+00]");
}

TEST_CASE("Numbers that are not finite are printed and do not widen the others") {
  const double inf = std::numeric_limits<double>::infinity();
  CHECK(to_string(Tensor::from({std::nan(""), inf, -inf, 2.5})) == "f64 [4] cpu\n[ nan,  inf, -inf,  2.5]");
  CHECK(to_string(Tensor::from({std::nan(""), std::nan("")})) == "f64 [2] cpu\n[nan, nan]");
}

TEST_CASE("The middle of a large tensor is left out") {
  const PrintOptions small{.edge_items = 2, .max_elements = 10};
  CHECK(to_string(counting({11}), small) == "i64 [11] cpu\n[ 0,  1, ...,  9, 10]");
  CHECK(to_string(counting({10}), small) == "i64 [10] cpu\n[0, 1, 2, 3, 4, 5, 6, 7, 8, 9]");
  CHECK(to_string(counting({100, 4}), {.edge_items = 2, .max_elements = 20}) ==
        "i64 [100, 4] cpu\n"
        "[[  0,   1,   2,   3],\n"
        " [  4,   5,   6,   7],\n"
        " ...,\n"
        " [392, 393, 394, 395],\n"
        " [396, 397, 398, 399]]");
  CHECK(to_string(counting({4, 100}), {.edge_items = 2, .max_elements = 20}) ==
        "i64 [4, 100] cpu\n"
        "[[  0,   1, ...,  98,  99],\n"
        " [100, 101, ..., 198, 199],\n"
        " [200, 201, ..., 298, 299],\n"
        " [300, 301, ..., 398, 399]]");
  CHECK(to_string(counting({7, 1, 2}), {.edge_items = 1, .max_elements = 1}) ==
        "i64 [7, 1, 2] cpu\n"
        "[[[ 0,  1]],\n"
        "\n"
        " ...,\n"
        "\n"
        " [[12, 13]]]");
}

TEST_CASE("A large tensor of many axes shows fewer entries of each") {
  const std::string text = to_string(Tensor::zeros({7, 7, 7, 7, 7, 7, 7, 7}, DType::u8));
  CHECK(text.substr(0, 60).find("\n[[[[[[[[0, ..., 0],\n") != std::string::npos);
  CHECK(std::ranges::count(text.substr(text.find('\n')), '0') == 256);
  const PrintOptions wide{.edge_items = std::numeric_limits<int64_t>::max(), .max_elements = 4};
  CHECK(to_string(counting({6}), wide) == "i64 [6] cpu\n[0, 1, ..., 4, 5]");
}

TEST_CASE("Long rows go on in the next line") {
  CHECK(to_string(counting({12}), {.line_width = 20}) ==
        "i64 [12] cpu\n"
        "[ 0,  1,  2,  3,  4,\n"
        "  5,  6,  7,  8,  9,\n"
        " 10, 11]");
  CHECK(to_string(counting({2, 3}), {.line_width = 0}) ==
        "i64 [2, 3] cpu\n"
        "[[0,\n"
        "  1,\n"
        "  2],\n"
        " [3,\n"
        "  4,\n"
        "  5]]");
}

TEST_CASE("A tensor can be written to a stream") {
  std::ostringstream stream;
  stream << Tensor::from({1, 2}) << '\n';
  CHECK(stream.str() == "i32 [2] cpu\n[1, 2]\n");
}

TEST_CASE("Print options out of range are refused") {
  const Tensor t = Tensor::scalar(1);
  CHECK_THROWS_AS(to_string(t, {.precision = -1}), ValueError);
  CHECK_THROWS_AS(to_string(t, {.precision = 18}), ValueError);
  CHECK_THROWS_AS(to_string(t, {.edge_items = 0}), ValueError);
  CHECK_THROWS_AS(to_string(t, {.max_elements = -1}), ValueError);
  CHECK_THROWS_WITH(to_string(t, {.line_width = -1}), Catch::Contains("line_width >= 0; got 4, 3, 200, -1"));
}

}  // namespace divvy::test
