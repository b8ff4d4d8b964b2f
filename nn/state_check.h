#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace divvy::nn::detail {

/// A tensor that a state dictionary must have.
struct ExpectedEntry {
  std::string name;
  Shape shape;
  DType dtype;
};

/// Every way in which `state` differs from what is expected, as one line that ends in "; "; empty where it fits.
std::string state_problems(const std::vector<ExpectedEntry>& expected, const StateDict& state,
                           const LoadOptions& options = {});

}  // namespace divvy::nn::detail
