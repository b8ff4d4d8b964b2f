#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::test {

/// Uniform values in [low, high), from a generator that has nothing to do with the library's own.
Tensor random_tensor(const Shape& shape, uint64_t seed, double low = -1, double high = 1, DType dtype = DType::f64);

/// Random values whose distance from 0 and from each other is at least `gap`: safe for operations with kinks or ties
/// (relu, abs, max). A shuffled grid with random signs.
Tensor distinct_tensor(const Shape& shape, uint64_t seed, double gap = 0.01, DType dtype = DType::f64);

/// Random integers in [0, limit), as i64.
Tensor random_indices(const Shape& shape, int64_t limit, uint64_t seed);

/// Offsets i64 [experts + 1] that divide `rows` rows at random; about a third of the experts get nothing.
Tensor random_offsets(int64_t rows, int64_t experts, uint64_t seed);

/// Empty where |a - b| <= atol + rtol * |b| everywhere and shapes agree; otherwise what differs, for INFO or CHECK.
std::string difference(const Tensor& a, const Tensor& b, double rtol, double atol);

/// Whether shape, dtype and every bit are equal.
bool same_bits(const Tensor& a, const Tensor& b);

/// A copy with another floating type, made without the library's own cast.
Tensor converted(const Tensor& t, DType dtype);

}  // namespace divvy::test
