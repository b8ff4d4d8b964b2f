#pragma once

#include "autograd/variable.h"

namespace divvy {

/// The cross-entropy of softmax(x[b]) with label[b], in nats, for each row of x [B, C]: the same as
/// -pick(log_softmax(x), label), in one pass. label: i64 [B]; the result is [B]. Throws ValueError naming the first
/// label outside [0, C).
Variable softmax_cross_entropy(const Variable& x, const Tensor& label);

}  // namespace divvy
