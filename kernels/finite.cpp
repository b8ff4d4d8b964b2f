#include "kernels/finite.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

int64_t first_non_finite(const Tensor& x) {
  check::floating("first_non_finite", "x", x);
  return DIVVY_CPU_BACKEND(x, first_non_finite)(x);
}

}  // namespace divvy::kernels
