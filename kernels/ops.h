#pragma once

#include <cstdint>
#include <vector>

#include "tensor/tensor.h"

/// Computation on plain tensors, without gradients, in the notation of autograd/ops. Every function makes a new tensor
/// on the device of its operands.
namespace divvy {

// Element by element, f32 or f64. The shapes broadcast: they are aligned at the last axis, and a size of 1 is repeated.
// A number is rounded to the type of the tensor. Throws ShapeError where the shapes do not broadcast, DTypeError for
// other or unequal types and DeviceError for two devices.

Tensor operator+(const Tensor& a, const Tensor& b);
Tensor operator-(const Tensor& a, const Tensor& b);
Tensor operator*(const Tensor& a, const Tensor& b);
Tensor operator/(const Tensor& a, const Tensor& b);
Tensor operator+(const Tensor& a, double b);
Tensor operator-(const Tensor& a, double b);
Tensor operator*(const Tensor& a, double b);
Tensor operator/(const Tensor& a, double b);
Tensor operator+(double a, const Tensor& b);
Tensor operator-(double a, const Tensor& b);
Tensor operator*(double a, const Tensor& b);
Tensor operator/(double a, const Tensor& b);
Tensor operator-(const Tensor& x);

/// The entries [begin, end) of `axis`; a negative axis counts from the back. Any dtype. Always a copy, where
/// x.slice(begin, end) is a view of the leading axis. Throws ShapeError unless 0 <= begin <= end <= x.size(axis).
Tensor slice(const Tensor& x, int64_t begin, int64_t end, int axis);

/// The parts one behind the other along `axis`; a negative axis counts from the back. Any dtype. Throws ShapeError
/// where another axis differs, DTypeError for unequal types and ValueError where there are no parts.
Tensor concat(const std::vector<Tensor>& parts, int axis);

/// Parts of one shape beside each other along a new axis: [2, 3] and [2, 3] become [2, 2, 3] with `axis` 0 and
/// [2, 3, 2] with 2 or -1. Any dtype. Throws as concat().
Tensor stack(const std::vector<Tensor>& parts, int axis = 0);

/// [...] to [..., classes]: 1 at the place that the index names, 0 elsewhere. index: i64; `dtype`: f32 or f64. Throws
/// ValueError for an index outside [0, classes); on a GPU the next copy to the host does.
Tensor one_hot(const Tensor& index, int64_t classes, DType dtype = DType::f32);

}  // namespace divvy
