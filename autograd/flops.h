#pragma once

#include <cstdint>
#include <initializer_list>

#include "autograd/variable.h"

namespace divvy {

/// Floating-point operations of matrix products and convolutions: two for each multiply-add, none for element-wise
/// work.
struct Flops {
  int64_t forward = 0;
  int64_t backward = 0;  ///< of the gradients that the recorded operations need
  int64_t total() const { return forward + backward; }
  Flops& operator+=(const Flops& other);
  bool operator==(const Flops&) const = default;
};

/// The floating-point operations of all recorded operations on which `roots` depend, each counted once. Operations that
/// were not recorded (under NoGrad, or because no input requires a gradient) are not counted. Undefined roots are
/// skipped.
Flops flops(std::initializer_list<Variable> roots);

/// The floating-point operations of a product whose forward pass takes `forward`: backward is a product of the same
/// size for each factor that requires a gradient.
Flops product_flops(int64_t forward, std::initializer_list<Variable> factors);

}  // namespace divvy
