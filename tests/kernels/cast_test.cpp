#include "kernels/cast.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

// The reference computes in long double, which holds every value of every element type.
static_assert(std::numeric_limits<long double>::digits >= 64);

template <class T>
long double exact(T value) {
  if constexpr (std::is_same_v<T, bf16>) {
    return static_cast<float>(value);
  } else {
    return static_cast<long double>(value);
  }
}

template <class T>
T expected_integer(long double value) {
  if (std::isnan(value)) return 0;
  const long double cut = std::trunc(value);
  if (cut < static_cast<long double>(std::numeric_limits<T>::min())) return std::numeric_limits<T>::min();
  if (cut > static_cast<long double>(std::numeric_limits<T>::max())) return std::numeric_limits<T>::max();
  return static_cast<T>(cut);
}

/// Among all positive values of bf16, the nearest; of two equally near ones the even.
bf16 expected_bf16(long double value) {
  if (std::isnan(value)) return bf16(std::nanf(""));
  const auto at = [](uint32_t bits) {
    // Infinity counts as the value that would follow the largest one.
    return bits == 0x7f80 ? std::ldexp(1.0L, 128) : exact(std::bit_cast<bf16>(static_cast<uint16_t>(bits)));
  };
  const long double magnitude = std::abs(value);
  uint32_t low = 0, high = 0x7f80;
  while (high - low > 1) (at((low + high) / 2) <= magnitude ? low : high) = (low + high) / 2;
  const long double down = magnitude - at(low), up = at(high) - magnitude;
  uint32_t bits = down < up || (down == up && low % 2 == 0) ? low : high;
  if (std::signbit(value)) bits |= 0x8000;
  return std::bit_cast<bf16>(static_cast<uint16_t>(bits));
}

template <class To>
To expected(long double value) {
  if constexpr (std::is_same_v<To, bf16>) {
    return expected_bf16(value);
  } else if constexpr (std::is_integral_v<To>) {
    return expected_integer<To>(value);
  } else {
    return static_cast<To>(value);  // one rounding, by the hardware
  }
}

template <class T>
bool identical(T a, T b) {
  const long double x = exact(a), y = exact(b);
  return std::isnan(x) ? std::isnan(y) : x == y && std::signbit(x) == std::signbit(y);
}

template <class To, class From>
void check_values(const std::vector<From>& values) {
  const Tensor x = Tensor::from(values, Shape{static_cast<int64_t>(values.size())});
  for (const Device device : available_devices()) {
    Tensor there = Tensor::empty(x.shape(), dtype_of<To>, device);
    kernels::cast(x.to(device), there);
    const Tensor y = there.to(Device::cpu());
    size_t wrong = 0;
    for (size_t i = 0; i < values.size(); ++i) {
      const To got = y.values<To>()[i], want = expected<To>(exact(values[i]));
      if (identical(got, want) || wrong++ > 0) continue;
      FAIL_CHECK(fmt::format("{} of {} to {}: {}, expected {}", name_of(x.dtype()),
                             static_cast<double>(exact(values[i])), name_of(y.dtype()), static_cast<double>(exact(got)),
                             static_cast<double>(exact(want))));
    }
    CHECK(wrong == 0);
  }
}

template <class From>
void check_to_all(const std::vector<From>& values) {
  check_values<float>(values);
  check_values<double>(values);
  check_values<bf16>(values);
  check_values<int32_t>(values);
  check_values<int64_t>(values);
  check_values<uint8_t>(values);
}

/// What is hard about a floating type: specials, every power of two with its neighbors (among them the ends of the
/// integer ranges and the ties of rounding), and random bits.
template <class T, class Bits>
std::vector<T> hard_values() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values{T{0},          Limits::infinity(), Limits::quiet_NaN(),
                        Limits::max(), Limits::min(),      Limits::denorm_min()};
  for (int exponent = -160; exponent <= 140; ++exponent) {
    for (const double factor : {1.0, 1.25, 1.5, 255.0 / 128, 257.0 / 128, 1.0 + 1.0 / 256, 1.0 + 3.0 / 256}) {
      const T value = static_cast<T>(std::ldexp(factor, exponent));
      for (const T v : {value, std::nextafter(value, T{0}), std::nextafter(value, Limits::infinity())})
        values.push_back(v);
      for (const T offset : {T{-1}, T{-0.5}, T{0.5}, T{1}}) values.push_back(value + offset);
    }
  }
  std::mt19937_64 random(1);
  for (int i = 0; i < 100000; ++i) values.push_back(std::bit_cast<T>(static_cast<Bits>(random())));
  const size_t count = values.size();
  for (size_t i = 0; i < count; ++i) values.push_back(-values[i]);
  return values;
}

template <class T>
std::vector<T> hard_integers() {
  using Limits = std::numeric_limits<T>;
  std::vector<T> values{Limits::min(), static_cast<T>(Limits::min() + 1), static_cast<T>(Limits::max() - 1),
                        Limits::max()};
  std::mt19937_64 random(1);
  for (int bit = 0; bit < Limits::digits; ++bit) {
    // A power of two, and what is near it or near the half way between two values of fewer digits.
    for (const int lower : {bit, bit - 8, bit - 24, bit - 53}) {
      const T value = static_cast<T>((T{1} << bit) | (lower >= 0 ? T{1} << lower : T{0}));
      for (const int offset : {-2, -1, 0, 1, 2}) {
        const auto moved = static_cast<T>(static_cast<uint64_t>(value) + static_cast<uint64_t>(offset));
        values.push_back(moved);
        values.push_back(static_cast<T>(0 - static_cast<uint64_t>(moved)));
      }
    }
    for (int i = 0; i < 1000; ++i) values.push_back(static_cast<T>(random() >> (63 - bit)));
  }
  return values;
}

}  // namespace

TEST_CASE("cast of every bf16", "[device]") {
  std::vector<bf16> values;
  for (uint32_t bits = 0; bits < 65536; ++bits) values.push_back(std::bit_cast<bf16>(static_cast<uint16_t>(bits)));
  check_to_all(values);
}
TEST_CASE("cast of every u8", "[device]") {
  std::vector<uint8_t> values;
  for (int value = 0; value < 256; ++value) values.push_back(static_cast<uint8_t>(value));
  check_to_all(values);
}
TEST_CASE("cast of hard f32", "[device]") { check_to_all(hard_values<float, uint32_t>()); }
TEST_CASE("cast of hard f64", "[device]") { check_to_all(hard_values<double, uint64_t>()); }
TEST_CASE("cast of hard i32", "[device]") { check_to_all(hard_integers<int32_t>()); }
TEST_CASE("cast of hard i64", "[device]") { check_to_all(hard_integers<int64_t>()); }

TEST_CASE("cast at the borders, in numbers") {
  const auto to_u8 = [](double value) {
    Tensor y = Tensor::empty({1}, DType::u8);
    kernels::cast(Tensor::from({value}), y);
    return y.item();
  };
  CHECK(to_u8(255.99) == 255);
  CHECK(to_u8(256) == 255);
  CHECK(to_u8(-0.99) == 0);
  CHECK(to_u8(-1e300) == 0);
  CHECK(to_u8(std::nan("")) == 0);
  CHECK(to_u8(2.9) == 2);
  Tensor y = Tensor::empty({4}, DType::i32);
  kernels::cast(Tensor::from({2147483647.5, 2147483648.0, -2147483648.9, -2147483649.0}), y);
  CHECK(same_bits(y, Tensor::from({2147483647, 2147483647, -2147483647 - 1, -2147483647 - 1})));
}

TEST_CASE("cast works on any shape and number of threads") {
  const int before = num_threads();
  const Tensor x = random_tensor({3, 20000}, 1, -300, 300);
  for (const int threads : {1, 3}) {
    set_num_threads(threads);
    Tensor y = Tensor::empty({3, 20000}, DType::i32);
    kernels::cast(x, y);
    for (int64_t i = 0; i < x.numel(); ++i) REQUIRE(y.data<int32_t>()[i] == static_cast<int32_t>(x.data<double>()[i]));
  }
  set_num_threads(before);
  Tensor none = Tensor::empty({0, 3}, DType::i32);
  kernels::cast(Tensor::zeros({0, 3}), none);
}

TEST_CASE("cast refuses what does not fit") {
  Tensor y = Tensor::zeros({3}), none;
  CHECK_THROWS_AS(kernels::cast(Tensor::zeros({2}), y), ShapeError);
  CHECK_THROWS_AS(kernels::cast(Tensor(), y), ValueError);
  CHECK_THROWS_AS(kernels::cast(y, none), ValueError);
}

}  // namespace divvy::test
