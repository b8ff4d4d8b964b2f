#pragma once

#include <array>
#include <cstddef>

#include "tensor/tensor.h"

namespace divvy::kernels {

/// What an optimizer's update reads from the memory of the parameter's device, so that it can change where the call
/// itself is recorded once and repeated (tensor/graph.h).
struct UpdateControl {
  Tensor factors = {};  ///< f64 [kUpdateFactors]: what <optimizer>_factors() gives; undefined: those of the update
  Tensor failed = {};   ///< i64 [1] or undefined: nothing is changed where it holds anything but 0
};

inline constexpr size_t kUpdateFactors = 3;
/// The numbers of an update that change from step to step; what an optimizer does not need is 0.
using UpdateFactors = std::array<double, kUpdateFactors>;

/// Whether an update on the CPU is to change nothing.
inline bool stopped(const UpdateControl& control) {
  return control.failed.defined() && control.failed.data<int64_t>()[0] != 0;
}

}  // namespace divvy::kernels
