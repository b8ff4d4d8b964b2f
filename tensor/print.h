#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>

#include "tensor/tensor.h"

namespace divvy {

struct PrintOptions {
  int precision = 4;           ///< digits after the decimal point, at most; 0 to 17
  int64_t edge_items = 3;      ///< entries shown at each end of an axis of a large tensor; at least 1
  int64_t max_elements = 200;  ///< a tensor with more elements is large: its long axes are cut short with "..."
  int64_t line_width = 100;    ///< longer rows continue on the next line
};

/// The tensor in readable form: a line such as "f32 [2, 3] cpu", then the elements in aligned columns, with nested
/// brackets for the axes. All floating-point numbers have the same number of digits, no more than needed, and are in
/// scientific notation if one of them (other than 0) is below 10^-precision or has more than six digits before the
/// point. Throws ValueError for options out of range.
std::string to_string(const Tensor& tensor, const PrintOptions& options = {});

/// to_string(tensor) with the default options.
std::ostream& operator<<(std::ostream& stream, const Tensor& tensor);

}  // namespace divvy
