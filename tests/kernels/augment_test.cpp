#include "kernels/augment.h"

#include <random>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using kernels::Padding;

/// Images in which no two pixels are alike, as far as a u8 allows.
Tensor numbered(const Shape& shape, DType dtype) {
  Tensor t = Tensor::empty(shape, dtype);
  for (int64_t i = 0; i < t.numel(); ++i) {
    if (dtype == DType::u8) {
      t.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i % 255 + 1);
    } else {
      t.mutable_data<float>()[i] = static_cast<float>(i + 1);
    }
  }
  return t;
}

double pixel(const std::vector<double>& x, const Shape& s, int64_t b, int64_t c, int64_t i, int64_t j) {
  return x[static_cast<size_t>(((b * s[1] + c) * s[2] + i) * s[3] + j)];
}

/// Compares every pixel of y with f(b, c, i, j).
template <class F>
void check_pixels(const Tensor& y, const F& f) {
  std::vector<double> expected;
  const Shape& s = y.shape();
  for (int64_t b = 0; b < s[0]; ++b) {
    for (int64_t c = 0; c < s[1]; ++c) {
      for (int64_t i = 0; i < s[2]; ++i) {
        for (int64_t j = 0; j < s[3]; ++j) expected.push_back(f(b, c, i, j));
      }
    }
  }
  CHECK(y.to_doubles() == expected);
}

const Shape kShapes[] = {{0, 3, 4, 4}, {2, 0, 4, 4}, {2, 1, 0, 4},    {1, 1, 1, 1},  {3, 1, 1, 5},
                         {3, 1, 5, 1}, {4, 3, 8, 9}, {40, 3, 32, 32}, {7, 1, 28, 28}};

}  // namespace

TEST_CASE("flip_horizontal mirrors the images that are chosen", "[kernels][device]") {
  for (DType dtype : {DType::f32, DType::u8}) {
    for (const Shape& shape : kShapes) {
      const Tensor x = numbered(shape, dtype);
      Tensor flip = Tensor::zeros({shape[0]}, DType::u8), y = Tensor::full(shape, 9, dtype);
      for (int64_t b = 0; b < shape[0]; ++b) flip.mutable_data<uint8_t>()[b] = static_cast<uint8_t>(b % 3);
      const auto in = x.to_doubles();
      for (const Device device : available_devices()) {
        y = y.to(device);
        kernels::flip_horizontal(x.to(device), flip.to(device), y);
        check_pixels(y, [&](int64_t b, int64_t c, int64_t i, int64_t j) {
          return pixel(in, shape, b, c, i, b % 3 != 0 ? shape[3] - 1 - j : j);
        });
      }
    }
  }
}

TEST_CASE("crop takes every window of the padded image", "[kernels][device]") {
  std::mt19937_64 random(1);
  for (DType dtype : {DType::f32, DType::u8}) {
    for (Padding mode : {Padding::zero, Padding::reflect}) {
      for (const Shape& shape : kShapes) {
        for (int64_t padding : {0, 1, 4, 11}) {
          if (mode == Padding::reflect && padding >= std::min(shape[2], shape[3])) continue;
          const Tensor x = numbered(shape, dtype);
          Tensor top = Tensor::zeros({shape[0]}, DType::i64), left = top.clone(), y = Tensor::full(shape, 9, dtype);
          const auto limit = static_cast<uint64_t>(2 * padding + 1);
          for (int64_t& t : top.mutable_values<int64_t>()) t = static_cast<int64_t>(random() % limit);
          for (int64_t& l : left.mutable_values<int64_t>()) l = static_cast<int64_t>(random() % limit);
          const auto in = x.to_doubles();
          for (const Device device : available_devices()) {
            y = Tensor::full(shape, 9, dtype, device);
            kernels::crop(x.to(device), top.to(device), left.to(device), padding, mode, y);
            check_pixels(y, [&](int64_t b, int64_t c, int64_t i, int64_t j) {
              int64_t row = i + top.data<int64_t>()[b] - padding, column = j + left.data<int64_t>()[b] - padding;
              if (mode == Padding::zero) {
                const bool inside = row >= 0 && row < shape[2] && column >= 0 && column < shape[3];
                return inside ? pixel(in, shape, b, c, row, column) : 0.0;
              }
              row = std::abs(row);
              column = std::abs(column);
              if (row >= shape[2]) row = 2 * shape[2] - 2 - row;
              if (column >= shape[3]) column = 2 * shape[3] - 2 - column;
              return pixel(in, shape, b, c, row, column);
            });
          }
        }
      }
    }
  }
}

TEST_CASE("crop on a GPU reports a start out of range and reads nothing there", "[kernels][device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const Tensor x = Tensor::zeros({2, 1, 3, 4}, DType::f32, device);
    Tensor y = Tensor::empty_like(x);
    kernels::crop(x, Tensor::from<int64_t>({0, 3}).to(device), Tensor::zeros({2}, DType::i64, device), 1, Padding::zero,
                  y);
    CHECK_THROWS_AS(y.to(Device::cpu()), ValueError);
    CHECK(y.to_doubles() == std::vector<double>(24, 0));
  }
}

TEST_CASE("crop at the corners, by hand", "[kernels]") {
  const Tensor x = numbered({1, 1, 2, 3}, DType::f32), start = Tensor::zeros({1}, DType::i64);
  Tensor y = Tensor::empty_like(x);
  kernels::crop(x, start, start, 1, Padding::zero, y);
  CHECK(same_bits(y, Tensor::from({0.f, 0.f, 0.f, 0.f, 1.f, 2.f}, {1, 1, 2, 3})));
  kernels::crop(x, start, start, 1, Padding::reflect, y);
  CHECK(same_bits(y, Tensor::from({5.f, 4.f, 5.f, 2.f, 1.f, 2.f}, {1, 1, 2, 3})));
}

TEST_CASE("flip_horizontal and crop refuse what does not fit", "[kernels]") {
  const Tensor x = Tensor::zeros({2, 1, 3, 4}), flip = Tensor::zeros({2}, DType::u8);
  const Tensor start = Tensor::zeros({2}, DType::i64), short_start = Tensor::zeros({1}, DType::i64);
  const auto starts = [](int64_t a, int64_t b) { return Tensor::from({a, b}); };
  Tensor y = Tensor::zeros({2, 1, 3, 4}), wrong = Tensor::zeros({2, 1, 4, 3}),
         bytes = Tensor::zeros(x.shape(), DType::u8);
  Tensor doubles = Tensor::zeros({2, 1, 3, 4}, DType::f64), view = x;
  using namespace kernels;
  CHECK_THROWS_AS(flip_horizontal(x, flip, wrong), ShapeError);
  CHECK_THROWS_AS(flip_horizontal(x, flip, bytes), DTypeError);
  CHECK_THROWS_AS(flip_horizontal(doubles, flip, doubles), DTypeError);
  CHECK_THROWS_AS(flip_horizontal(x, flip, view), ValueError);
  CHECK_THROWS_AS(flip_horizontal(x, start, y), DTypeError);
  CHECK_THROWS_AS(flip_horizontal(x, Tensor::zeros({3}, DType::u8), y), ShapeError);
  CHECK_THROWS_AS(flip_horizontal(x[0], flip, y), ShapeError);
  CHECK_THROWS_AS(flip_horizontal(Tensor(), flip, y), ValueError);
  CHECK_THROWS_AS(crop(x, start, start, -1, Padding::zero, y), ValueError);
  CHECK_THROWS_AS(crop(x, starts(0, 3), start, 1, Padding::zero, y), ValueError);
  CHECK_THROWS_AS(crop(x, start, starts(-1, 0), 1, Padding::zero, y), ValueError);
  CHECK_THROWS_AS(crop(x, short_start, start, 1, Padding::zero, y), ShapeError);
  CHECK_THROWS_AS(crop(x, start, flip, 1, Padding::zero, y), DTypeError);
  CHECK_THROWS_AS(crop(x, start, start, 3, Padding::reflect, y), ValueError);
  CHECK_THROWS_AS(crop(x, start, start, 1, Padding::zero, view), ValueError);
  CHECK_THROWS_AS(crop(x, start, start, 1, Padding::zero, wrong), ShapeError);
}

}  // namespace divvy::test
