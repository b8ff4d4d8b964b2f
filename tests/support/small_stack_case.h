#pragma once

#include <random>
#include <string>
#include <vector>

#include "kernels/segments.h"
#include "kernels/small_stack.h"
#include "tensor/tensor.h"

/// Small stacks of layers to evaluate, and what comes out of them.
namespace divvy::test {

/// Parameters, input and the gradient of the output in f64, on the CPU; run() converts them.
struct SmallStackCase {
  Shape x;
  std::vector<SmallLayer> layers;
  std::vector<int64_t> offsets, sample;
  bool sampled = false;  ///< else the rows are the samples themselves, and `sample` is empty
  Tensor input, dy;
  kernels::SmallStackParameters parameters;

  Segments segments() const;
  std::string text() const;
};

/// Layers, sizes and divisions among experts at random: no rows, one expert, experts without rows and with all. Values
/// are multiples of 1/4 in [-1, 1]: sums of products of few layers are exact in f32, so that values with ties agree
/// too.
SmallStackCase random_small_stack(std::mt19937_64& random);

/// Experts as for MNIST, each for the whole batch of noise.
SmallStackCase mnist_small_stack(int64_t samples, int64_t experts, uint64_t seed);

struct SmallStackResults {
  Tensor y, dx;
  kernels::SmallStackParameters gradients;

  /// All that are defined.
  std::vector<Tensor> all() const;
};

/// Forward and backward in a dtype on a device, brought back to the CPU. Forward without anything saved must give the
/// same bits.
SmallStackResults run(const SmallStackCase& c, DType dtype, Device device = Device::cpu());

/// The same by plain loops.
SmallStackResults naive_results(const SmallStackCase& c);

/// Where the results differ by more than atol + rtol |b|; empty where they agree.
std::string compared(const SmallStackResults& a, const SmallStackResults& b, double rtol, double atol);

}  // namespace divvy::test
