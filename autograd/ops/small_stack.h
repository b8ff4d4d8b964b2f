#pragma once

#include <vector>

#include "autograd/variable.h"
#include "kernels/small_stack.h"

namespace divvy {

/// The layers of kernels/small_stack.h on x, [R, C, H, W] or [R, features], as one operation. For each layer a weight
/// and a bias, which may be undefined. They are stacked over E experts ([E, out, in, kernel, kernel] or [E, out, in],
/// and [E, out]), or all without that leading axis; then the offsets of `segments` do not matter.
/// Result: [N, out, H', W'] after a convolution, else [N, out]; N = segments.rows(R).
Variable small_stack(const Variable& x, const std::vector<SmallLayer>& layers, const std::vector<Variable>& weights,
                     const std::vector<Variable>& biases, const Segments& segments);

}  // namespace divvy
