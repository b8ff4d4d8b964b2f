#pragma once

#include "kernels/conv2d.h"

/// Convolutions of one network by cuDNN, where the build has it. Each function returns false, having done nothing, for
/// what it does not take: several experts, rows by a sample, f64, empty tensors, and sizes for which cuDNN has no
/// algorithm that gives the same bits each time. TF32 is off.
namespace divvy::kernels::cuda::cudnn {

bool conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dGeometry& geometry,
            const Segments& segments, Tensor& y);
bool conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dGeometry& geometry,
                           const Segments& segments, Tensor& dx);
/// The gradient of the weight alone.
bool conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Conv2dGeometry& geometry, const Segments& segments,
                            Tensor& dweight);

}  // namespace divvy::kernels::cuda::cudnn
