#pragma once

#include <functional>
#include <memory>

#include "nn/module.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

/// What the tests of layers share.
namespace divvy::test {

/// Segments for `experts` stacked experts (0: none): `rows` rows divided at random, so that some get nothing, and where
/// `input_rows` is not -1 read from random rows of the input.
Segments random_segments(int64_t experts, int64_t rows, uint64_t seed, int64_t input_rows = -1);

/// Draws the biases and running statistics of a network anew: with initial ones of 0 a pixel without active inputs is
/// exactly at the kink of a ReLU behind batch norm, where there is no derivative to compare with.
void draw_biases_and_statistics(nn::Module& module, uint64_t seed);

/// Compares the gradients by x and by every parameter with central differences, and those of every other device with
/// the CPU's. The layer and x are f64, on the CPU.
void check_gradients(nn::Module& layer, const Tensor& x, const Segments& segments);

/// Compares E stacked experts with E layers alone that hold their parameters and buffers and see their rows: values,
/// gradients of x and of every parameter, and what becomes of the buffers; the stack on every device, the layers alone
/// on the CPU. `plain` makes a layer alone.
void check_stacked(nn::Module& stacked, const std::function<std::shared_ptr<nn::Module>()>& plain, const Tensor& x,
                   const Segments& segments);

}  // namespace divvy::test
