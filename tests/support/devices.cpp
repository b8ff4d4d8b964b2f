#include "tests/support/devices.h"

#include <cstdlib>
#include <iostream>
#include <string_view>

namespace divvy::test {

std::vector<Device> available_devices() {
  const char* text = std::getenv("DIVVY_TEST_DEVICE");
  const std::string_view wanted = text ? text : "";
  std::vector<Device> devices;
  if (wanted != "cuda") devices.push_back(Device::cpu());
  if (wanted != "cpu" && cuda_device_count() > 0) devices.push_back(Device::cuda());
  if (devices.empty()) std::cout << "skipped: no CUDA device\n";  // the text that tests/CMakeLists.txt looks for
  return devices;
}

}  // namespace divvy::test
