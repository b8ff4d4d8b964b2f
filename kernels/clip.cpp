#include "kernels/clip.h"

#include <cmath>

#include "kernels/check.h"

namespace divvy::kernels {

double squared_norm(const Tensor& x) { return squared_norms({&x, 1}).front(); }

std::vector<double> squared_norms(std::span<const Tensor> x) {
  if (x.empty()) return {};
  check::floating("squared_norm", "x", x.front());
  Tensor norms = Tensor::empty({static_cast<int64_t>(x.size())}, DType::f64, x.front().device());
  squared_norms(x, norms);
  return norms.to_doubles();
}

void squared_norms(std::span<const Tensor> x, Tensor& norms) {
  check::dtype("squared_norm", "norms", norms, DType::f64);
  check::shape("squared_norm", "norms", norms, {static_cast<int64_t>(x.size())});
  for (const Tensor& t : x) {
    check::floating("squared_norm", "x", t);
    check::same_device("squared_norm", "x", t, norms);
  }
  DIVVY_BACKEND(norms, squared_norms)(x, norms);
}

void scale(Tensor& x, double factor) {
  check::floating("scale", "x", x);
  DIVVY_BACKEND(x, scale)(x, factor);
}

void clip_factor(const Tensor& squared_norms, double max_norm, Tensor& factor) {
  check::dtype("clip_factor", "squared_norms", squared_norms, DType::f64);
  check::rank("clip_factor", "squared_norms", squared_norms, 1);
  check::dtype("clip_factor", "factor", factor, DType::f64);
  check::shape("clip_factor", "factor", factor, {});
  check::same_device("clip_factor", "factor", factor, squared_norms);
  if (!(max_norm > 0) || !std::isfinite(max_norm)) {
    fail<ValueError>("clip_factor: max_norm must be finite and positive, got {}", max_norm);
  }
  DIVVY_BACKEND(factor, clip_factor)(squared_norms, max_norm, factor);
}

void scale_by(Tensor& x, const Tensor& factor) {
  check::floating("scale_by", "x", x);
  check::dtype("scale_by", "factor", factor, DType::f64);
  check::shape("scale_by", "factor", factor, {});
  check::same_device("scale_by", "factor", factor, x);
  DIVVY_BACKEND(x, scale_by)(x, factor);
}

}  // namespace divvy::kernels
