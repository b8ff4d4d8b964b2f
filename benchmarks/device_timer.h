#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensor/device.h"

/// Time on a GPU. benchmarks/cuda/ implements it with the runtime; benchmarks/no_cuda/ answers for a build without.
namespace divvy::bench {

/// Measures between two points of the device's compute stream, with events.
class DeviceTimer {
 public:
  explicit DeviceTimer(Device device);
  ~DeviceTimer();

  void start();
  /// Waits for the device. Seconds of its time since start().
  double stop();

 private:
  struct Events;
  std::unique_ptr<Events> events_;
};

/// Name and driver of the device and versions of the libraries, for the reports.
std::vector<std::pair<std::string, std::string>> device_facts(Device device);

}  // namespace divvy::bench
