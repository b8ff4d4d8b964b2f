#include "kernels/matmul.h"

#include "kernels/check.h"

namespace divvy::kernels {

Shape matmul_shape(const Tensor& a, const Tensor& b, const MatmulOptions& options) {
  check::defined("matmul", "a", a);
  check::defined("matmul", "b", b);
  const auto refuse = [&](const char* why) {
    fail<ShapeError>("matmul: {}: {}{} and {}{}", why, a.shape(), options.transpose_a ? " transposed" : "", b.shape(),
                     options.transpose_b ? " transposed" : "");
  };
  if (a.rank() != b.rank() || (a.rank() != 2 && a.rank() != 3))
    refuse("both operands must have rank 2, or both rank 3");
  if (a.rank() == 3 && a.size(0) != b.size(0)) refuse("unequal leading sizes");
  const int64_t depth_a = a.size(options.transpose_a ? -2 : -1), depth_b = b.size(options.transpose_b ? -1 : -2);
  if (depth_a != depth_b) refuse("unequal inner sizes");
  const int64_t rows = a.size(options.transpose_a ? -1 : -2), cols = b.size(options.transpose_b ? -2 : -1);
  return a.shape().range(0, a.rank() - 2).concat({rows, cols});
}

void matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options, Tensor& y) {
  check::floating("matmul", "a", a);
  check::same_kind("matmul", "b", b, a);
  check::shape("matmul", "y", y, matmul_shape(a, b, options));
  check::same_kind("matmul", "y", y, a);
  DIVVY_BACKEND(a, matmul)(a, b, options, y);
}

}  // namespace divvy::kernels
