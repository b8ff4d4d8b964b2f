#pragma once

#include <string>
#include <vector>

#include "nn/module.h"

namespace divvy::nn::detail {

/// A tensor that a state dictionary must contain.
struct ExpectedEntry {
  std::string name;
  Shape shape;
  DType dtype;
};

/// A line that lists every difference between `state` and what is expected, ending in "; "; empty if there is none.
std::string state_problems(const std::vector<ExpectedEntry>& expected, const StateDict& state,
                           const LoadOptions& options = {});

}  // namespace divvy::nn::detail
