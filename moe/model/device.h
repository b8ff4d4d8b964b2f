#pragma once

#include "nn/module.h"

namespace divvy::moe {

/// The device of a module's parameters; the CPU if it has none.
inline Device device_of(const nn::Module& module) {
  const auto parameters = module.named_parameters();
  return parameters.empty() ? Device::cpu() : parameters.front().second.value().device();
}

}  // namespace divvy::moe
