#pragma once

#include <vector>

#include "tensor/device.h"

namespace divvy::test {

/// The devices on which to check an operation: the CPU, and a GPU where there is one.
inline std::vector<Device> available_devices() {
  std::vector<Device> devices{Device::cpu()};
  if (cuda_device_count() > 0) devices.push_back(Device::cuda());
  return devices;
}

}  // namespace divvy::test
