#pragma once

#include <vector>

#include "autograd/variable.h"

/// Reductions of x, f32 or f64, over `axes`: any set of them, negative ones counted from the back, all where none are
/// given. With `keepdim` a reduced axis stays with size 1. Sums are taken in double, in an order that depends on the
/// shape alone. A NaN among the elements makes the result NaN. Each throws ShapeError for an axis that is out of range
/// or given twice.
namespace divvy {

/// The sum; 0 of an empty set.
Variable sum(const Variable& x, const std::vector<int>& axes = {}, bool keepdim = false);

/// The arithmetic mean; NaN of an empty set.
Variable mean(const Variable& x, const std::vector<int>& axes = {}, bool keepdim = false);

/// The largest element; its gradient is divided equally among the elements that are equal to it. Throws ValueError for
/// an empty set.
Variable max(const Variable& x, const std::vector<int>& axes = {}, bool keepdim = false);

/// log(sum of exp(x)) without overflow; -inf of an empty set. An element of -inf has the gradient 0, also where all
/// are.
Variable logsumexp(const Variable& x, const std::vector<int>& axes = {}, bool keepdim = false);

/// The variance: the sum of squared distances from the mean, divided by the number n of elements, or by n - 1 where it
/// is `unbiased`. NaN where that divisor is 0: of an empty set, and unbiased of one element.
Variable var(const Variable& x, const std::vector<int>& axes = {}, bool unbiased = true, bool keepdim = false);

/// The index i64 of the largest element along one axis, which the result does not have; of equal ones the first, and a
/// NaN counts as the largest. Not differentiable. Throws ValueError for an empty set.
Tensor argmax(const Variable& x, int axis);

}  // namespace divvy
