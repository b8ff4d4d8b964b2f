#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

enum class Compare : uint8_t { equal, not_equal, less, less_equal, greater, greater_equal };

constexpr std::string_view name_of(Compare op) {
  constexpr std::string_view names[] = {"equal", "not_equal", "less", "less_equal", "greater", "greater_equal"};
  return names[static_cast<int>(op)];
}

/// y = 1 where op(a, b) holds, else 0, element by element. a, b: any dtype, the same for both; y: u8, of the shape that
/// they broadcast to. As always with floating point, -0 equals 0, and a NaN is unequal to everything and in no order.
void compare(Compare op, const Tensor& a, const Tensor& b, Tensor& y);

inline void equal(const Tensor& a, const Tensor& b, Tensor& y) { compare(Compare::equal, a, b, y); }
inline void not_equal(const Tensor& a, const Tensor& b, Tensor& y) { compare(Compare::not_equal, a, b, y); }
inline void less(const Tensor& a, const Tensor& b, Tensor& y) { compare(Compare::less, a, b, y); }
inline void less_equal(const Tensor& a, const Tensor& b, Tensor& y) { compare(Compare::less_equal, a, b, y); }
inline void greater(const Tensor& a, const Tensor& b, Tensor& y) { compare(Compare::greater, a, b, y); }
inline void greater_equal(const Tensor& a, const Tensor& b, Tensor& y) { compare(Compare::greater_equal, a, b, y); }

DIVVY_BACKENDS(compare);

}  // namespace divvy::kernels
