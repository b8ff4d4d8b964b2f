#include "kernels/clip.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

double squared_norm(const Tensor& x) { return squared_norms({&x, 1}).front(); }

std::vector<double> squared_norms(std::span<const Tensor> x) {
  for (const Tensor& t : x) {
    check::floating("squared_norm", "x", t);
    check::same_device("squared_norm", "x", t, x.front());
  }
  if (x.empty()) return {};
  return DIVVY_BACKEND(x.front(), squared_norms)(x);
}

void scale(Tensor& x, double factor) {
  check::floating("scale", "x", x);
  DIVVY_BACKEND(x, scale)(x, factor);
}

}  // namespace divvy::kernels
