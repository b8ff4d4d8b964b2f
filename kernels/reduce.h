#pragma once

#include <cstdint>

#include "kernels/backend.h"
#include "tensor/tensor.h"

/// Reductions over the middle axis of x [outer, reduce, inner], which a row-major tensor is for any run of adjacent
/// axes. Results are [outer, inner]; f32 or f64 throughout, indices i64. Sums are taken in double over tiles of a fixed
/// size, whatever the element type; on the way they neither overflow where the result does not (on a GPU variances of
/// f64 beyond 1e154 do) nor do numbers far from 0 lose their differences. A NaN among the elements makes the result
/// NaN.
namespace divvy::kernels {

/// y = (sum of x) / divisor; the sum of an empty set is 0, its mean (divisor 0) is NaN.
void reduce_sum(const Tensor& x, double divisor, Tensor& y);

/// dx[o, r, i] = dy[o, i] / divisor.
void reduce_sum_backward(const Tensor& dy, double divisor, Tensor& dx);

/// y = the largest x. Throws ValueError for the maximum of an empty set.
void reduce_max(const Tensor& x, Tensor& y);

/// dx = dy / n at the n elements that are equal to the maximum y, 0 elsewhere.
void reduce_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx);

/// y = the index of the largest x, of equal ones the first; a NaN counts as the largest. y: i64. Throws ValueError for
/// an empty set.
void reduce_argmax(const Tensor& x, Tensor& y);

/// y = log(sum of exp(x)), with the maximum subtracted first; -inf for an empty set and where every x is -inf.
void reduce_logsumexp(const Tensor& x, Tensor& y);

/// dx = dy * exp(x - y), from the result y; 0 where x is -inf. Where y is large, and so is its rounding, the powers are
/// divided by their sum.
void reduce_logsumexp_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx);

/// mean = the mean, y = sum of (x - mean)^2 / max(reduce - correction, 0): the variance, biased for a correction of 0
/// and unbiased for 1. NaN where that divisor is 0.
void reduce_var(const Tensor& x, int64_t correction, Tensor& mean, Tensor& y);

/// dx = 2 dy * (x - mean) / max(reduce - correction, 0), from the mean that reduce_var gave, corrected by what its
/// rounding lost.
void reduce_var_backward(const Tensor& x, const Tensor& mean, int64_t correction, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(reduce_sum);
DIVVY_BACKENDS(reduce_sum_backward);
DIVVY_BACKENDS(reduce_max);
DIVVY_BACKENDS(reduce_max_backward);
DIVVY_BACKENDS(reduce_argmax);
DIVVY_BACKENDS(reduce_logsumexp);
DIVVY_BACKENDS(reduce_logsumexp_backward);
DIVVY_BACKENDS(reduce_var);
DIVVY_BACKENDS(reduce_var_backward);

}  // namespace divvy::kernels
