#pragma once

#include <random>
#include <string>
#include <vector>

#include "kernels/segments.h"
#include "kernels/small_stack.h"
#include "tensor/tensor.h"

/// Small stacks of layers, their evaluation and their results.
namespace divvy::test {

/// Parameters, input and the gradient of the output in f64, on the CPU; run() converts them.
struct SmallStackCase {
  Shape x;
  std::vector<SmallLayer> layers;
  std::vector<int64_t> offsets, sample;
  bool sampled = false;  ///< if false, the rows are the samples themselves, and `sample` is empty
  Tensor input, dy;
  kernels::SmallStackParameters parameters;

  Segments segments() const;
  std::string text() const;
};

/// Random layers, sizes and divisions among experts, including no rows, one expert, and experts with no or all rows.
/// Values are multiples of 1/4 in [-1, 1], so that sums of products are exact in f32 for few layers, and ties are the
/// same in every type.
SmallStackCase random_small_stack(std::mt19937_64& random);

/// Experts as for MNIST, each of which evaluates the whole batch of random images.
SmallStackCase mnist_small_stack(int64_t samples, int64_t experts, uint64_t seed);

struct SmallStackResults {
  Tensor y, dx;
  kernels::SmallStackParameters gradients;

  /// The defined tensors.
  std::vector<Tensor> all() const;
};

/// Runs forward and backward in a dtype on a device and returns the results on the CPU. Checks that forward without
/// saved values gives the same bits.
SmallStackResults run(const SmallStackCase& c, DType dtype, Device device = Device::cpu());

/// The same in plain loops.
SmallStackResults naive_results(const SmallStackCase& c);

/// A description of results that differ by more than atol + rtol |b|; empty if there are none.
std::string compared(const SmallStackResults& a, const SmallStackResults& b, double rtol, double atol);

}  // namespace divvy::test
