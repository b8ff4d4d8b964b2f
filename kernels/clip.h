#pragma once

#include <span>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::kernels {

/// The sum of the squares of x, added up in double and in a fixed order. x: any shape, f32 or f64.
/// Waits for the device.
double squared_norm(const Tensor& x);

/// The same for each of several tensors of one device, which is waited for once.
std::vector<double> squared_norms(std::span<const Tensor> x);

/// x *= factor. x: any shape, f32 or f64.
void scale(Tensor& x, double factor);

namespace cpu {
std::vector<double> squared_norms(std::span<const Tensor> x);
void scale(Tensor& x, double factor);
}  // namespace cpu

namespace cuda {
decltype(cpu::squared_norms) squared_norms;
decltype(cpu::scale) scale;
}  // namespace cuda

}  // namespace divvy::kernels
