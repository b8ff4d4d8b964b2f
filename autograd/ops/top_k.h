#pragma once

#include <cstdint>

#include "autograd/variable.h"

namespace divvy {

struct TopK {
  Variable values;  ///< [..., k], in falling order
  Tensor indices;   ///< i64 [..., k]
};

/// The k largest entries of the last axis of x [..., C], f32 or f64. Of equal entries the one with the lower index
/// comes first; a NaN counts as larger than any number, so that it is seen. The gradient goes to the entries that were
/// taken.
///
/// Throws ValueError unless 1 <= k <= C.
TopK top_k(const Variable& x, int64_t k);

}  // namespace divvy
