#include "tensor/dtype.h"

#include <cmath>
#include <limits>
#include <string>
#include <tuple>

#include "tests/support/catch.h"

namespace divvy::test {

namespace {

float from_bits(uint32_t bits) { return std::bit_cast<float>(bits); }
float rounded(float value) { return static_cast<float>(bf16(value)); }

/// The nearest bfloat16, found by looking at both neighbors in double.
uint16_t nearest(float value) {
  const auto bits = std::bit_cast<uint32_t>(value);
  const auto below = static_cast<uint16_t>(bits >> 16), above = static_cast<uint16_t>(below + 1);
  const auto as_double = [](uint16_t half) {
    // Beyond the largest finite number the next one would be 2^128.
    if ((half & 0x7fff) == 0x7f80) return half & 0x8000 ? -0x1p128 : 0x1p128;
    return static_cast<double>(from_bits(static_cast<uint32_t>(half) << 16));
  };
  const double down = std::abs(value - as_double(below)), up = std::abs(as_double(above) - value);
  if (down == up) return below % 2 == 0 ? below : above;
  return down < up ? below : above;
}

}  // namespace

TEST_CASE("Types have sizes and names") {
  const std::tuple<DType, int64_t, std::string_view, bool> types[] = {
      {DType::f32, 4, "f32", true},  {DType::f64, 8, "f64", true},  {DType::bf16, 2, "bf16", true},
      {DType::i32, 4, "i32", false}, {DType::i64, 8, "i64", false}, {DType::u8, 1, "u8", false}};
  for (const auto& [dtype, size, name, floating] : types) {
    CHECK(size_of(dtype) == size);
    CHECK(name_of(dtype) == name);
    CHECK(is_floating(dtype) == floating);
    CHECK(fmt::format("{:>5}", dtype) == std::string(5 - name.size(), ' ') + std::string(name));
    visit_any(dtype, [&, expected = dtype]<class T>() {
      CHECK(dtype_of<T> == expected);
      CHECK(static_cast<int64_t>(sizeof(T)) == size_of(expected));
    });
  }
}

TEST_CASE("visit_floating takes f32 and f64 and names the operation that got something else") {
  CHECK(visit_floating("op", DType::f32, []<class T>() { return sizeof(T); }) == 4);
  CHECK(visit_floating("op", DType::f64, []<class T>() { return sizeof(T); }) == 8);
  for (const DType dtype : {DType::bf16, DType::i32, DType::i64, DType::u8}) {
    CHECK_THROWS_WITH(visit_floating("op", dtype, []<class T>() { return sizeof(T); }),
                      fmt::format("op: expects f32 or f64, got {}", dtype));
  }
}

TEST_CASE("bf16 keeps what it can hold") {
  for (const float value : {0.f, -0.f, 1.f, -1.f, 0.5f, 1.0078125f, 3.3895314e38f, 0x1p-126f, 0x1p-133f}) {
    CHECK(std::bit_cast<uint32_t>(rounded(value)) == std::bit_cast<uint32_t>(value));
  }
  for (uint32_t half = 0; half < 0x10000; ++half) {
    const float value = from_bits(half << 16);
    if (!std::isnan(value)) REQUIRE(bf16(value).bits == half);
  }
}

TEST_CASE("bf16 rounds to nearest, ties to even") {
  CHECK(rounded(from_bits(0x3f808000)) == 1.f);                    // a tie, down to even
  CHECK(rounded(from_bits(0x3f818000)) == from_bits(0x3f820000));  // a tie, up to even
  CHECK(rounded(from_bits(0x3f808001)) == from_bits(0x3f810000));
  CHECK(rounded(from_bits(0x3f807fff)) == 1.f);
  CHECK(rounded(from_bits(0xbf808001)) == from_bits(0xbf810000));
  CHECK(std::isinf(rounded(std::numeric_limits<float>::max())));
  CHECK(rounded(-std::numeric_limits<float>::max()) == -std::numeric_limits<float>::infinity());
  CHECK(bf16(std::numeric_limits<float>::denorm_min()).bits == 0);
  uint32_t bits = 12345;
  for (int i = 0; i < 200'000; ++i) {
    bits = bits * 1664525 + 1013904223;
    const float value = from_bits(bits);
    if (std::isfinite(value)) REQUIRE(bf16(value).bits == nearest(value));
  }
}

TEST_CASE("bf16 keeps infinities and every NaN") {
  const float inf = std::numeric_limits<float>::infinity();
  CHECK(rounded(inf) == inf);
  CHECK(rounded(-inf) == -inf);
  // A NaN whose upper half is that of infinity, one that rounding would carry into the sign, and a signalling one.
  for (const uint32_t bits : {0x7f800001u, 0x7fffffffu, 0xffffffffu, 0xff800001u, 0x7fa00000u}) {
    CHECK(std::isnan(rounded(from_bits(bits))));
    CHECK(std::signbit(rounded(from_bits(bits))) == std::signbit(from_bits(bits)));
  }
}

}  // namespace divvy::test
