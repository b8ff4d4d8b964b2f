#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// Uniform values in [low, high), from a generator other than the library's.
Tensor random_tensor(const Shape& shape, uint64_t seed, double low = -1, double high = 1, DType dtype = DType::f64);

/// Random values whose distances from 0 and from each other are at least `gap`, for operations with kinks or ties
/// (relu, abs, max): a shuffled grid with random signs.
Tensor distinct_tensor(const Shape& shape, uint64_t seed, double gap = 0.01, DType dtype = DType::f64);

/// Random integers in [0, limit), as i64.
Tensor random_indices(const Shape& shape, int64_t limit, uint64_t seed);

/// Offsets i64 [experts + 1] that divide `rows` rows at random; about a third of the experts have no rows.
Tensor random_offsets(int64_t rows, int64_t experts, uint64_t seed);

/// Empty if shapes are equal and |a - b| <= atol + rtol * |b| for all elements; otherwise a description of the
/// difference, for INFO or CHECK.
std::string difference(const Tensor& a, const Tensor& b, double rtol, double atol);

/// Whether shape, dtype and every bit are equal.
bool same_bits(const Tensor& a, const Tensor& b);

/// A copy with another floating-point type, made without the library's cast.
Tensor converted(const Tensor& t, DType dtype);

}  // namespace divvy::test
