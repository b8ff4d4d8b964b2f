#pragma once

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

#include "tensor/anywhere.h"
#include "tensor/error.h"

namespace divvy {

/// Element types. Indices and class labels are i64; u8 holds raw images and masks.
enum class DType : uint8_t { f32, f64, bf16, i32, i64, u8 };

/// bfloat16: the upper half of a float. Rounds to nearest, ties to even; every NaN stays a NaN. What rounds by an
/// instruction, in kernels, rounds as this does, and says where it does not.
struct bf16 {
  uint16_t bits = 0;
  bf16() = default;
  DIVVY_ANYWHERE explicit bf16(float value) {
    const auto u = std::bit_cast<uint32_t>(value);
    bits = value != value ? static_cast<uint16_t>((u >> 16) | 0x40u)
                          : static_cast<uint16_t>((u + 0x7fffu + ((u >> 16) & 1u)) >> 16);
  }
  DIVVY_ANYWHERE explicit operator float() const { return std::bit_cast<float>(static_cast<uint32_t>(bits) << 16); }
};

constexpr int64_t size_of(DType dtype) {
  switch (dtype) {
    case DType::f64:
    case DType::i64: return 8;
    case DType::f32:
    case DType::i32: return 4;
    case DType::bf16: return 2;
    case DType::u8: return 1;
  }
  return 0;
}

constexpr std::string_view name_of(DType dtype) {
  constexpr std::string_view names[] = {"f32", "f64", "bf16", "i32", "i64", "u8"};
  return names[static_cast<int>(dtype)];
}

constexpr bool is_floating(DType dtype) { return dtype == DType::f32 || dtype == DType::f64 || dtype == DType::bf16; }

template <class T>
struct dtype_of_impl;
template <>
struct dtype_of_impl<float> {
  static constexpr DType value = DType::f32;
};
template <>
struct dtype_of_impl<double> {
  static constexpr DType value = DType::f64;
};
template <>
struct dtype_of_impl<bf16> {
  static constexpr DType value = DType::bf16;
};
template <>
struct dtype_of_impl<int32_t> {
  static constexpr DType value = DType::i32;
};
template <>
struct dtype_of_impl<int64_t> {
  static constexpr DType value = DType::i64;
};
template <>
struct dtype_of_impl<uint8_t> {
  static constexpr DType value = DType::u8;
};

/// The DType of a C++ element type.
template <class T>
inline constexpr DType dtype_of = dtype_of_impl<T>::value;

/// Calls f.operator()<T>() with T = float or double. Any other dtype is a DTypeError that names `op`.
template <class F>
decltype(auto) visit_floating(std::string_view op, DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f.template operator()<float>();
    case DType::f64: return f.template operator()<double>();
    default: fail<DTypeError>("{}: expects f32 or f64, got {}", op, name_of(dtype));
  }
}

/// Calls f.operator()<T>() with the C++ type of any dtype.
template <class F>
decltype(auto) visit_any(DType dtype, F&& f) {
  switch (dtype) {
    case DType::f32: return f.template operator()<float>();
    case DType::f64: return f.template operator()<double>();
    case DType::bf16: return f.template operator()<bf16>();
    case DType::i32: return f.template operator()<int32_t>();
    case DType::i64: return f.template operator()<int64_t>();
    case DType::u8: return f.template operator()<uint8_t>();
  }
  fail<DTypeError>("unknown dtype {}", static_cast<int>(dtype));
}

}  // namespace divvy

template <>
struct fmt::formatter<divvy::DType> : fmt::formatter<std::string_view> {
  auto format(divvy::DType dtype, fmt::format_context& ctx) const {
    return fmt::formatter<std::string_view>::format(divvy::name_of(dtype), ctx);
  }
};
