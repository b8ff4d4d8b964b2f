#pragma once

#include <vector>

#include "autograd/variable.h"

namespace divvy {

/// The parts one behind the other along `axis`; a negative axis counts from the back. Throws ShapeError where another
/// axis differs, DTypeError for unequal types and ValueError where there are no parts.
Variable concat(const std::vector<Variable>& parts, int axis);

}  // namespace divvy
