#pragma once

#include <numeric>
#include <vector>

#include "benchmarks/options.h"
#include "kernels/precision.h"
#include "tensor/generator.h"
#include "tensor/tensor.h"

/// Inputs and precisions for the benchmarks of experts.
namespace divvy::bench {

/// i64 [samples, k] on the CPU: k different random experts for each sample.
inline Tensor choose(int64_t samples, int64_t experts, int64_t k, Generator& generator) {
  Tensor chosen = Tensor::empty({samples, k}, DType::i64);
  auto* values = chosen.mutable_data<int64_t>();
  for (int64_t b = 0; b < samples; ++b) {
    const int64_t first = generator.integer(experts);
    int64_t step = experts > 1 ? 1 + generator.integer(experts - 1) : 0;
    if (std::gcd(step, experts) * (k - 1) >= experts) step = 1;  // this step would repeat the first expert
    for (int64_t j = 0; j < k; ++j) values[b * k + j] = (first + j * step) % experts;
  }
  return chosen;
}

/// The precisions in which a device can multiply f32 operands.
inline std::vector<Precision> precisions() {
  if (options().device.is_cpu()) return {Precision::f32};
  return {Precision::f32, Precision::tf32, Precision::bf16};
}

}  // namespace divvy::bench
