#include "kernels/cast.h"

#include "kernels/check.h"

namespace divvy::kernels {

void cast(const Tensor& x, Tensor& y) {
  check::defined("cast", "x", x);
  check::shape("cast", "y", y, x.shape());
  check::same_device("cast", "y", y, x);
  DIVVY_BACKEND(x, cast)(x, y);
}

}  // namespace divvy::kernels
