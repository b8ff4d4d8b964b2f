#pragma once

#include "autograd/variable.h"
#include "tensor/generator.h"

namespace divvy {

/// In training, each element of x is 0 with probability p and x / (1 - p) otherwise, so that its mean stays; the draws
/// are generator.bernoulli(x.shape(), 1 - p). Otherwise, and for p = 0, x itself, and nothing is drawn. x: f32 or f64
/// of any shape. Throws ValueError unless 0 <= p < 1.
Variable dropout(const Variable& x, double p, Generator& generator, bool training);

}  // namespace divvy
