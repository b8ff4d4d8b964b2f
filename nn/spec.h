#pragma once

#include <variant>

#include "autograd/variable.h"
#include "kernels/conv2d.h"
#include "kernels/pool2d.h"

/// What a layer computes, said by the layer itself (Module::spec), for those who would compute several layers at once.
namespace divvy::nn {

/// y = x W^T + b for rows x [R, in], as grouped_matmul. weight: [out, in], or [E, out, in] for stacked experts; bias:
/// [out] or [E, out], or undefined for none.
struct LinearSpec {
  Variable weight, bias;
};

/// conv2d() of images. weight: [out, in / groups, kh, kw], or [E, ...] for stacked experts; bias as above.
struct Conv2dSpec {
  Variable weight, bias;
  Conv2dGeometry geometry;
};

/// max(x, 0)
struct ReluSpec {};

/// max_pool2d() of images.
struct MaxPool2dSpec {
  PoolWindow window;
};

/// [N, ...] to [N, product of the other axes]
struct FlattenSpec {};

/// Something else that gives what has the shape of its input.
struct SameShapeSpec {};

/// std::monostate: the layer says nothing, and may give any number of rows of any shape.
using Spec = std::variant<std::monostate, LinearSpec, Conv2dSpec, ReluSpec, MaxPool2dSpec, FlattenSpec, SameShapeSpec>;

}  // namespace divvy::nn
