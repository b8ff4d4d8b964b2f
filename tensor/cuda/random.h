#pragma once

#include "tensor/cuda/random_elements.h"
#include "tensor/tensor.h"

/// Random tensors on a CUDA device, made from the same Philox blocks as on the CPU. tensor/cuda/ implements them;
/// tensor/no_cuda/ throws DeviceError in builds without CUDA.
namespace divvy::cuda {

void fill_random(const random::State& state, const random::Uniform<float>& uniform, Tensor& out);
void fill_random(const random::State& state, const random::Uniform<double>& uniform, Tensor& out);
void fill_random(const random::State& state, const random::Normal<float>& normal, Tensor& out);
void fill_random(const random::State& state, const random::Normal<double>& normal, Tensor& out);
void fill_random(const random::State& state, const random::Bernoulli& bernoulli, Tensor& out);

/// out[r] = the class drawn from row r of `probabilities` [rows, classes], f32 or f64; classes > 0. A row that is not a
/// distribution gives class 0 and raises a fault.
void draw_classes(const random::State& state, const Tensor& probabilities, Tensor& out);

}  // namespace divvy::cuda
