#include "kernels/finite.h"

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

void watch_finite(std::span<const Tensor> x, int64_t source, bool new_run, Tensor& record) {
  check::dtype("watch_finite", "record", record, DType::i64);
  check::shape("watch_finite", "record", record, {5});
  for (const Tensor& t : x) {
    check::floating("watch_finite", "x", t);
    check::same_device("watch_finite", "x", t, record);
  }
  DIVVY_BACKEND(record, watch_finite)(x, source, new_run, record);
}

}  // namespace divvy::kernels
