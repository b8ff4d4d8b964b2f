#pragma once

#include <vector>

#include "tensor/device.h"

namespace divvy::test {

/// The devices on which to check an operation: the CPU, and a GPU if there is one. DIVVY_TEST_DEVICE=cpu or cuda
/// selects only one of them; if it selects a GPU and there is none, this prints a message and returns no device, and
/// ctest counts the test as skipped.
std::vector<Device> available_devices();

}  // namespace divvy::test
