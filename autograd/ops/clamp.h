#pragma once

#include "autograd/variable.h"

namespace divvy {

/// min(max(x, low), high) for each element. The gradient passes where low <= x <= high, the limits included. The limits
/// may be infinite. Throws ValueError unless low <= high.
Variable clamp(const Variable& x, double low, double high);

}  // namespace divvy
