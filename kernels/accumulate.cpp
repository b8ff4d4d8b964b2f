#include "kernels/accumulate.h"

#include "kernels/check.h"

namespace divvy::kernels {

void accumulate(const Tensor& x, Tensor& into) {
  check::floating("accumulate", "x", x);
  check::same("accumulate", "into", into, x);
  DIVVY_BACKEND(x, accumulate)(x, into);
}

}  // namespace divvy::kernels
