#include "kernels/fill.h"

#include "kernels/check.h"

namespace divvy::kernels {

void fill(Tensor& y, double value) {
  check::defined("fill", "y", y);
  DIVVY_BACKEND(y, fill)(y, value);
}

}  // namespace divvy::kernels
