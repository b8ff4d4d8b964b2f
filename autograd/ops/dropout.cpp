#include "autograd/ops/dropout.h"

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/dropout.h"

namespace divvy {

Variable dropout(const Variable& x, double p, Generator& generator, bool training) {
  kernels::check::floating("dropout", "input", x.value());
  if (!(p >= 0 && p < 1)) fail<ValueError>("dropout: p must lie in [0, 1), got {}", p);
  if (!training || p == 0) return x;
  const Tensor keep = generator.bernoulli(x.shape(), 1 - p, x.device());
  const double scale = 1 / (1 - p);
  Tensor y = Tensor::empty_like(x.value());
  kernels::dropout(x.value(), keep, scale, y);
  return record("dropout", y, {x}, [keep = Saved(keep), scale](const Tensor& dy, Gradients& dx) {
    dx[0] = Tensor::empty_like(dy);
    kernels::dropout(dy, keep.get(), scale, dx[0]);
  });
}

}  // namespace divvy
