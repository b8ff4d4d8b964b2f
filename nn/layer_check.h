#pragma once

#include <fmt/format.h>

#include <string>

#include "tensor/error.h"
#include "tensor/shape.h"

/// Helpers of the layers' constructors and descriptions.
namespace divvy::nn::detail {

inline void require_positive(const char* layer, const char* name, int64_t value) {
  if (value < 1) fail<ValueError>("{}: {} must be at least 1, got {}", layer, name, value);
}

inline void require_experts(const char* layer, int64_t experts) {
  if (experts < 0) fail<ValueError>("{}: experts must be 0 (a layer alone) or more, got {}", layer, experts);
}

/// The leading axis of a parameter: none for a single layer, [E] for stacked experts.
inline Shape stack_shape(int64_t experts) { return experts == 0 ? Shape{} : Shape{experts}; }

/// ", 10 experts", or nothing for a single layer.
inline std::string experts_text(int64_t experts) {
  return experts == 0 ? "" : fmt::format(", {} {}", experts, experts == 1 ? "expert" : "experts");
}

}  // namespace divvy::nn::detail
