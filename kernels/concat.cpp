#include "kernels/concat.h"

#include "kernels/check.h"

namespace divvy::kernels {

Shape concat_shape(const std::vector<Tensor>& parts, int axis) {
  if (parts.empty()) fail<ValueError>("concat: there are no parts");
  for (const Tensor& part : parts) check::min_rank("concat", "each part", part, 1);
  const Shape& first = parts.front().shape();
  const int at = first.normalize_axis(axis);
  int64_t size = 0;
  for (size_t i = 0; i < parts.size(); ++i) {
    const Shape& shape = parts[i].shape();
    if (shape.rank() != first.rank() || shape.with(at, first[at]) != first) {
      fail<ShapeError>("concat: part {} is {}, which does not join {} along axis {}", i, shape, first, axis);
    }
    size += shape[at];
  }
  return first.with(at, size);
}

Shape stacked_part_shape(const std::vector<Tensor>& parts, int axis) {
  if (parts.empty()) fail<ValueError>("stack: there are no parts");
  for (const Tensor& part : parts) check::defined("stack", "each part", part);
  const Shape& first = parts.front().shape();
  for (size_t i = 0; i < parts.size(); ++i) {
    if (parts[i].shape() != first)
      fail<ShapeError>("stack: part {} is {}, the first is {}", i, parts[i].shape(), first);
  }
  const int rank = first.rank() + 1, at = axis < 0 ? axis + rank : axis;
  if (at < 0 || at >= rank) fail<ShapeError>("stack: axis {} is out of range for parts {}", axis, first);
  return first.range(0, at).concat({1}).concat(first.range(at));
}

void concat(const std::vector<Tensor>& parts, int axis, Tensor& y) {
  check::shape("concat", "y", y, concat_shape(parts, axis));
  for (const Tensor& part : parts) check::same_kind("concat", "each part", part, y);
  DIVVY_BACKEND(y, concat)(parts, y.shape().normalize_axis(axis), y);
}

void concat_part(const Tensor& y, int axis, int64_t begin, Tensor& part) {
  check::min_rank("concat_part", "y", y, 1);
  check::rank("concat_part", "part", part, y.rank());
  const int at = y.shape().normalize_axis(axis);
  const int64_t size = part.size(at);
  check::shape("concat_part", "part", part, y.shape().with(at, size));
  check::same_kind("concat_part", "part", part, y);
  if (begin < 0 || begin > y.size(at) - size) {
    fail<ShapeError>("concat_part: {} entries from {} are not in axis {} of {}", size, begin, axis, y.shape());
  }
  DIVVY_BACKEND(y, concat_part)(y, at, begin, part);
}

}  // namespace divvy::kernels
