#pragma once

#include <functional>
#include <memory>

#include "nn/module.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

/// Helpers for the tests of layers.
namespace divvy::test {

/// Segments for `experts` stacked experts (0: none): `rows` rows divided at random, so that some experts have none;
/// read from random rows of the input unless `input_rows` is -1.
Segments random_segments(int64_t experts, int64_t rows, uint64_t seed, int64_t input_rows = -1);

/// Randomizes the biases and running statistics of a network: with initial values of 0, a pixel without active inputs
/// is exactly at the kink of a ReLU after batch norm, where there is no derivative.
void draw_biases_and_statistics(nn::Module& module, uint64_t seed);

/// Compares the gradients with respect to x and every parameter with central differences, and those of other devices
/// with the CPU's. The layer and x must be f64, on the CPU.
void check_gradients(nn::Module& layer, const Tensor& x, const Segments& segments);

/// Compares E stacked experts with E single layers that have the parameters, buffers and rows of one expert each:
/// values, gradients with respect to x and every parameter, and updated buffers; the stack on every device, the single
/// layers on the CPU. `plain` makes a single layer.
void check_stacked(nn::Module& stacked, const std::function<std::shared_ptr<nn::Module>()>& plain, const Tensor& x,
                   const Segments& segments);

}  // namespace divvy::test
