#pragma once

#include <cstdint>
#include <initializer_list>

#include "autograd/variable.h"

namespace divvy {

/// Floating-point operations of matrix products and convolutions: two for each multiply-add, none for element-wise
/// work.
struct Flops {
  int64_t forward = 0;
  int64_t backward = 0;  ///< of the gradients that the recorded operations want
  int64_t total() const { return forward + backward; }
  Flops& operator+=(const Flops& other);
  bool operator==(const Flops&) const = default;
};

/// Those of all operations that were recorded on the way to `roots`, each operation counted once. What was not recorded
/// (under NoGrad, or because no input wants a gradient) is not there to be counted. Undefined roots are passed over.
Flops flops(std::initializer_list<Variable> roots);

/// Those of a product that takes `forward` operations: its backward is one product of the same size for each of the
/// factors that wants a gradient.
Flops product_flops(int64_t forward, std::initializer_list<Variable> factors);

}  // namespace divvy
