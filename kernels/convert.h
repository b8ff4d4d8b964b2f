#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <type_traits>
#include <utility>

#include "tensor/anywhere.h"
#include "tensor/dtype.h"

/// The conversions of one element that kernels/cast.h defines, for the CPU and for CUDA.
namespace divvy::kernels {

/// Rounding to double or to float first and to bf16 then could end on the wrong side of a tie. So the first step rounds
/// to odd: it cuts off, and sets the last bit where anything was lost.
DIVVY_ANYWHERE inline bf16 bf16_from(double value) {
  const auto nearest = static_cast<float>(value);
  if (static_cast<double>(nearest) == value || value != value) return bf16(nearest);
  auto bits = std::bit_cast<uint32_t>(nearest);
  if (std::abs(static_cast<double>(nearest)) > std::abs(value)) --bits;  // towards zero, from infinity too
  return bf16(std::bit_cast<float>(bits | 1u));
}

DIVVY_ANYWHERE inline bf16 bf16_from(int64_t value) {
  constexpr int64_t kExact = int64_t{1} << 53;  // up to here a double holds every integer
  if (-kExact <= value && value <= kExact) return bf16_from(static_cast<double>(value));
  const int64_t lost = value & 0xfff;
  return bf16_from(static_cast<double>((value - lost) | (lost != 0 ? 0x1000 : 0)));
}

template <class To, class From>
DIVVY_ANYWHERE To integer_from(From value) {
  if constexpr (std::is_integral_v<From>) {
    if (std::cmp_less(value, std::numeric_limits<To>::min())) return std::numeric_limits<To>::min();
    if (std::cmp_greater(value, std::numeric_limits<To>::max())) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  } else {
    // The ends of the range as powers of two, which every floating type holds: [low, high).
    constexpr auto low = static_cast<From>(std::numeric_limits<To>::min());
    constexpr auto high = From{2} * static_cast<From>(std::numeric_limits<To>::max() / 2 + 1);
    if (value != value) return 0;
    if (value < low) return std::numeric_limits<To>::min();
    if (value >= high) return std::numeric_limits<To>::max();
    return static_cast<To>(value);
  }
}

template <class To, class From>
DIVVY_ANYWHERE To convert(From value) {
  if constexpr (std::is_same_v<To, From>) {
    return value;
  } else if constexpr (std::is_same_v<From, bf16>) {
    return convert<To>(static_cast<float>(value));
  } else if constexpr (std::is_same_v<To, bf16>) {
    if constexpr (std::is_same_v<From, float>) {
      return bf16(value);
    } else if constexpr (std::is_same_v<From, int64_t>) {
      return bf16_from(value);
    } else {
      return bf16_from(static_cast<double>(value));
    }
  } else if constexpr (std::is_integral_v<To>) {
    return integer_from<To>(value);
  } else {
    return static_cast<To>(value);
  }
}

}  // namespace divvy::kernels
