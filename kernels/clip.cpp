#include "kernels/clip.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

double squared_norm(const Tensor& x) {
  check::floating("squared_norm", "x", x);
  return DIVVY_CPU_BACKEND(x, squared_norm)(x);
}

void scale(Tensor& x, double factor) {
  check::floating("scale", "x", x);
  DIVVY_CPU_BACKEND(x, scale)(x, factor);
}

}  // namespace divvy::kernels
