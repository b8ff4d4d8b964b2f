#pragma once

#include <cmath>
#include <random>
#include <vector>

#include "kernels/segments.h"
#include "tests/support/naive_grouped_matmul.h"

namespace divvy::test {

/// A division of samples among experts, in a form for kernels and one for plain loops.
struct Routed {
  NaiveGroupedMatmul naive;
  Segments segments;
};

/// `samples` samples that each choose k of the experts; the larger the skew, the more often the first experts; with a
/// skew of 30 nearly all choose the first k.
inline Routed random_routing(int64_t samples, int64_t experts, int64_t k, double skew, std::mt19937_64& random) {
  std::vector<std::vector<int64_t>> chosen(static_cast<size_t>(experts));
  for (int64_t b = 0; b < samples; ++b) {
    std::vector<double> weights;
    for (int64_t e = 0; e < experts; ++e) weights.push_back(std::exp(-skew * static_cast<double>(e)));
    for (int64_t j = 0; j < k; ++j) {
      std::discrete_distribution<size_t> expert(weights.begin(), weights.end());
      const size_t e = expert(random);
      weights[e] = 0;
      chosen[e].push_back(b);
    }
  }
  Routed result;
  result.naive.offsets = {0};
  for (const auto& rows : chosen) {
    result.naive.sample.insert(result.naive.sample.end(), rows.begin(), rows.end());
    result.naive.offsets.push_back(static_cast<int64_t>(result.naive.sample.size()));
  }
  result.segments.offsets = Tensor::from(result.naive.offsets, {experts + 1});
  result.segments.sample = Tensor::from(result.naive.sample, {static_cast<int64_t>(result.naive.sample.size())});
  return result;
}

}  // namespace divvy::test
