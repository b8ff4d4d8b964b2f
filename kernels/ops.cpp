#include "kernels/ops.h"

#include "kernels/binary.h"
#include "kernels/check.h"
#include "kernels/concat.h"
#include "kernels/fill.h"
#include "kernels/gather_last.h"

namespace divvy {

namespace {

using namespace kernels::elementwise;
using kernels::Binary;

Tensor apply(const Binary& op, const Tensor& a, const Tensor& b) {
  kernels::check::defined(op.name, "a", a);
  kernels::check::defined(op.name, "b", b);
  Tensor y = Tensor::empty(broadcast_shapes(op.name, a.shape(), b.shape()), a.dtype(), a.device());
  kernels::binary(op, a, b, y);
  return y;
}

Tensor number(const Binary& op, double value, const Tensor& like) {
  kernels::check::floating(op.name, "a tensor with a number", like);
  return kernels::filled({}, value, like.dtype(), like.device());
}

Tensor apply(const Binary& op, const Tensor& a, double b) { return apply(op, a, number(op, b, a)); }
Tensor apply(const Binary& op, double a, const Tensor& b) { return apply(op, number(op, a, b), b); }

}  // namespace

Tensor operator+(const Tensor& a, const Tensor& b) { return apply(Add(), a, b); }
Tensor operator-(const Tensor& a, const Tensor& b) { return apply(Sub(), a, b); }
Tensor operator*(const Tensor& a, const Tensor& b) { return apply(Mul(), a, b); }
Tensor operator/(const Tensor& a, const Tensor& b) { return apply(Div(), a, b); }
Tensor operator+(const Tensor& a, double b) { return apply(Add(), a, b); }
Tensor operator-(const Tensor& a, double b) { return apply(Sub(), a, b); }
Tensor operator*(const Tensor& a, double b) { return apply(Mul(), a, b); }
Tensor operator/(const Tensor& a, double b) { return apply(Div(), a, b); }
Tensor operator+(double a, const Tensor& b) { return apply(Add(), a, b); }
Tensor operator-(double a, const Tensor& b) { return apply(Sub(), a, b); }
Tensor operator*(double a, const Tensor& b) { return apply(Mul(), a, b); }
Tensor operator/(double a, const Tensor& b) { return apply(Div(), a, b); }
Tensor operator-(const Tensor& x) { return x * -1; }

Tensor slice(const Tensor& x, int64_t begin, int64_t end, int axis) {
  kernels::check::min_rank("slice", "x", x, 1);
  kernels::check::axis("slice", x.shape(), axis);
  if (begin < 0 || begin > end || end > x.size(axis)) {
    fail<ShapeError>("slice: no entries [{}, {}) in axis {} of shape {}", begin, end, axis, x.shape());
  }
  Tensor y = Tensor::empty(x.shape().with(axis, end - begin), x.dtype(), x.device());
  kernels::concat_part(x, axis, begin, y);
  return y;
}

Tensor concat(const std::vector<Tensor>& parts, int axis) {
  const Shape shape = kernels::concat_shape(parts, axis);
  Tensor y = Tensor::empty(shape, parts.front().dtype(), parts.front().device());
  kernels::concat(parts, axis, y);
  return y;
}

Tensor stack(const std::vector<Tensor>& parts, int axis) {
  const Shape shape = kernels::stacked_part_shape(parts, axis);
  std::vector<Tensor> entries;
  entries.reserve(parts.size());
  for (const Tensor& part : parts) entries.push_back(part.reshape(shape));
  return concat(entries, axis);
}

Tensor one_hot(const Tensor& index, int64_t classes, DType dtype) {
  kernels::check::indices("one_hot", "index", index, classes);
  Tensor y = Tensor::empty(index.shape().concat({classes}), dtype, index.device());
  kernels::check::floating("one_hot", "the result", y);
  // It adds 1 at each index, of which a row has a single one.
  const Tensor ones = kernels::filled(index.shape().concat({1}), 1, dtype, index.device());
  kernels::gather_last_backward(index.reshape(ones.shape()), ones, y);
  return y;
}

}  // namespace divvy
