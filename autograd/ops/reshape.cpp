#include "autograd/ops/reshape.h"

#include "autograd/node.h"

namespace divvy {

namespace {

Variable recorded(const char* name, const Variable& x, const Tensor& view) {
  return record(name, view, {x}, [from = x.shape()](const Tensor& dy, Gradients& dx) { dx[0] = dy.reshape(from); });
}

}  // namespace

Variable reshape(const Variable& x, const Shape& shape) { return recorded("reshape", x, x.value().reshape(shape)); }

Variable reshape(const Variable& x, std::initializer_list<int64_t> sizes) {
  return recorded("reshape", x, x.value().reshape(sizes));
}

Variable flatten(const Variable& x, int from_axis) {
  const Shape& shape = x.shape();
  const int axis = shape.normalize_axis(from_axis);
  const Shape flat = shape.range(0, axis).concat({shape.range(axis).numel()});
  return recorded("flatten", x, x.value().reshape(flat));
}

Variable Variable::reshape(const Shape& shape) const { return divvy::reshape(*this, shape); }
Variable Variable::reshape(std::initializer_list<int64_t> sizes) const { return divvy::reshape(*this, sizes); }

}  // namespace divvy
