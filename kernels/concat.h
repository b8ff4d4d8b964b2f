#pragma once

#include <vector>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The shape of `parts` joined along `axis`; a negative axis counts from the back. Throws ShapeError where another axis
/// differs, ValueError where there are no parts.
Shape concat_shape(const std::vector<Tensor>& parts, int axis);

/// The shape of each of `parts` with an axis of size 1 put in at `axis` of the result, so that joining them along it
/// stacks them; a negative axis counts from the back. Throws ShapeError for parts of unequal shapes or without room for
/// the axis, ValueError where there are no parts.
Shape stacked_part_shape(const std::vector<Tensor>& parts, int axis);

/// y = the parts one behind the other along `axis`. Any dtype, the same for all; y: concat_shape(parts, axis), in
/// memory of its own.
void concat(const std::vector<Tensor>& parts, int axis, Tensor& y);

/// The reverse, for one part: part = the range [begin, begin + part.size(axis)) of y along `axis`. Throws ShapeError
/// where y has no such range or another axis differs.
void concat_part(const Tensor& y, int axis, int64_t begin, Tensor& part);

DIVVY_BACKENDS(concat);
DIVVY_BACKENDS(concat_part);

}  // namespace divvy::kernels
