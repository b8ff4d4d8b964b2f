#pragma once

#include "kernels/backend.h"
#include "kernels/precision.h"
#include "kernels/segments.h"
#include "tensor/tensor.h"

namespace divvy {

/// How a filter moves over an image: the same in both directions.
struct Conv2dGeometry {
  int64_t stride = 1;   ///< pixels between two positions of the filter
  int64_t padding = 0;  ///< zeros added at each of the four borders
  int64_t groups = 1;   ///< channels and filters are divided in this many groups that do not see each other
};

namespace kernels {

/// The shape [N, O, H', W'] of the result of conv2d for x [R, C, H, W] and weight [O, C / groups, kh, kw], or
/// [E, O, C / groups, kh, kw] for stacked experts: H' = (H + 2 * padding - kh) / stride + 1, rounded down, W' likewise,
/// and N = segments.rows(R). Throws ShapeError where the sizes do not fit and ValueError for a bad geometry.
Shape conv2d_shape(const Shape& x, const Shape& weight, const Conv2dGeometry& geometry, const Segments& segments);

/// y[n, o, i, j] = bias[e, o] + sum over c, u, v of weight[e, o, c, u, v] * in[c0 + c, i * stride + u, j * stride + v],
/// where in is image r of x with zeros around it, r = segments.sample ? sample[n] : n, e is the expert whose segment
/// has row n, and c0 is the first channel of the group of o. This is the cross-correlation that the field calls
/// convolution.
///
/// x: [R, C, H, W]; weight as in conv2d_shape; bias: [E, O], or [O] with a weight that has no expert axis, or undefined
/// for none; y: of conv2d_shape, not overlapping the others. All f32 or all f64.
/// The factors of products of f32 matrices are rounded to `precision`, here and in the gradients.
void conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dGeometry& geometry,
            const Segments& segments, Tensor& y, Precision precision = Precision::f32);

/// dx: the gradient of <dy, conv2d(x, weight, bias)> with respect to x. Images that several rows read receive the sum
/// over those rows in their order; images that no row reads receive zero. Assigns; dx: the shape of x.
void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dGeometry& geometry,
                           const Segments& segments, Tensor& dx, Precision precision = Precision::f32);

/// dweight and dbias: the gradients with respect to weight and bias; zero for an expert without rows. Either may be
/// undefined and is skipped. Assigns. weight_shape: the shape of weight; dweight has it.
void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                            const Conv2dGeometry& geometry, const Segments& segments, Tensor& dweight, Tensor& dbias,
                            Precision precision = Precision::f32);

DIVVY_BACKENDS(conv2d);
DIVVY_BACKENDS(conv2d_backward_input);
DIVVY_BACKENDS(conv2d_backward_weight);

}  // namespace kernels
}  // namespace divvy
