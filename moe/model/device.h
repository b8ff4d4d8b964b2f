#pragma once

#include "nn/module.h"

namespace divvy::moe {

/// Where a module's parameters are; the CPU for one without.
inline Device device_of(const nn::Module& module) {
  const auto parameters = module.named_parameters();
  return parameters.empty() ? Device::cpu() : parameters.front().second.value().device();
}

}  // namespace divvy::moe
