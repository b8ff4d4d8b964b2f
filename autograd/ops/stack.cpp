#include "autograd/ops/stack.h"

#include "autograd/ops/concat.h"
#include "autograd/ops/reshape.h"
#include "kernels/concat.h"

namespace divvy {

Variable stack(const std::vector<Variable>& parts, int axis) {
  std::vector<Tensor> values;
  values.reserve(parts.size());
  for (const Variable& part : parts) values.push_back(part.value());
  const Shape shape = kernels::stacked_part_shape(values, axis);
  std::vector<Variable> entries;
  entries.reserve(parts.size());
  for (const Variable& part : parts) entries.push_back(reshape(part, shape));
  return concat(entries, axis);
}

}  // namespace divvy
