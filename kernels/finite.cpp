#include "kernels/finite.h"

#include "kernels/backend.h"
#include "kernels/check.h"

namespace divvy::kernels {

int64_t first_non_finite(const Tensor& x) { return first_non_finites({&x, 1}).front(); }

std::vector<int64_t> first_non_finites(std::span<const Tensor> x) {
  for (const Tensor& t : x) {
    check::floating("first_non_finite", "x", t);
    check::same_device("first_non_finite", "x", t, x.front());
  }
  if (x.empty()) return {};
  return DIVVY_BACKEND(x.front(), first_non_finites)(x);
}

}  // namespace divvy::kernels
