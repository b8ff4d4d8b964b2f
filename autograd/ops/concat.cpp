#include "autograd/ops/concat.h"

#include "autograd/node.h"
#include "kernels/concat.h"

namespace divvy {

Variable concat(const std::vector<Variable>& parts, int axis) {
  std::vector<Tensor> values;
  std::vector<Shape> shapes;
  for (const Variable& part : parts) {
    values.push_back(part.value());
    shapes.push_back(part.shape());
  }
  const Shape shape = kernels::concat_shape(values, axis);
  Tensor y = Tensor::empty(shape, values.front().dtype(), values.front().device());
  kernels::concat(values, axis, y);
  return record("concat", y, parts, [shapes = std::move(shapes), axis](const Tensor& dy, Gradients& dx) {
    int64_t begin = 0;
    for (size_t i = 0; i < shapes.size(); ++i) {
      if (dx.needs(i)) {
        dx[i] = Tensor::empty(shapes[i], dy.dtype(), dy.device());
        kernels::concat_part(dy, axis, begin, dx[i]);
      }
      begin += shapes[i][axis];
    }
  });
}

}  // namespace divvy
