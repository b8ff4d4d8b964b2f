#pragma once

#include "tensor/tensor.h"

namespace divvy::kernels {

/// classes[b] = the class that u[b] picks in proportion to probabilities[b, :], whose sum need not be 1. With u =
/// generator.uniform({B}, 0, 1, f64) this is generator.categorical(probabilities), for any device and without waiting
/// for it. probabilities: [B, E] f32 or f64; u: f64 [B] in [0, 1); classes: i64 [B]. Throws ValueError for a row with a
/// negative, NaN or infinite entry, or whose sum is zero.
void categorical(const Tensor& probabilities, const Tensor& u, Tensor& classes);

namespace cpu {
void categorical(const Tensor& probabilities, const Tensor& u, Tensor& classes);
}

namespace cuda {
decltype(cpu::categorical) categorical;
}

}  // namespace divvy::kernels
