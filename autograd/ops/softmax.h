#pragma once

#include "autograd/variable.h"

namespace divvy {

/// softmax(x / temperature) over the last axis; x is [..., cols]. Throws ValueError unless 1e-30 <=
/// temperature <= 1e30. An entry of -inf has the probability 0; a row with a NaN or +inf becomes NaN.
Variable softmax(const Variable& x, double temperature = 1);

/// log(softmax(x / temperature)) over the last axis, without the underflow of taking the logarithm afterwards.
Variable log_softmax(const Variable& x, double temperature = 1);

}  // namespace divvy
