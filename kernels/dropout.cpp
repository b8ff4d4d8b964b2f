#include "kernels/dropout.h"

#include "kernels/check.h"

namespace divvy::kernels {

void dropout(const Tensor& x, const Tensor& keep, double scale, Tensor& y) {
  check::floating("dropout", "input", x);
  check::dtype("dropout", "keep", keep, DType::u8);
  check::shape("dropout", "keep", keep, x.shape());
  check::same_device("dropout", "keep", keep, x);
  check::same("dropout", "output", y, x);
  DIVVY_BACKEND(x, dropout)(x, keep, scale, y);
}

}  // namespace divvy::kernels
