#pragma once

#include <variant>

#include "autograd/variable.h"
#include "kernels/conv2d.h"
#include "kernels/pool2d.h"

/// Descriptions of what a layer computes (Module::spec), from which several layers are evaluated as one operation.
namespace divvy::nn {

/// y = x W^T + b for rows x [R, in], as computed by grouped_matmul. weight: [out, in], or [E, out, in] for stacked
/// experts; bias: [out] or [E, out], or undefined.
struct LinearSpec {
  Variable weight, bias;
  Precision precision = Precision::f32;  ///< of the products
};

/// conv2d() of images. weight: [out, in / groups, kh, kw], or [E, ...] for stacked experts; bias as above.
struct Conv2dSpec {
  Variable weight, bias;
  Conv2dGeometry geometry;
  Precision precision = Precision::f32;
};

/// max(x, 0)
struct ReluSpec {};

/// max_pool2d() of images.
struct MaxPool2dSpec {
  PoolWindow window;
};

/// [N, ...] to [N, product of the other axes]
struct FlattenSpec {};

/// Any other function whose output has the shape of its input.
struct SameShapeSpec {};

/// std::monostate: unspecified; the layer may return any number of rows of any shape.
using Spec = std::variant<std::monostate, LinearSpec, Conv2dSpec, ReluSpec, MaxPool2dSpec, FlattenSpec, SameShapeSpec>;

}  // namespace divvy::nn
