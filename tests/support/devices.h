#pragma once

#include <vector>

#include "tensor/device.h"

namespace divvy::test {

/// The devices on which to check an operation: the CPU, and a GPU where there is one. DIVVY_TEST_DEVICE=cpu or cuda
/// asks for one of them alone; where a GPU is asked for and none is there, this says so and is empty, and ctest counts
/// the test as skipped.
std::vector<Device> available_devices();

}  // namespace divvy::test
