#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tensor/device.h"

/// Timing on a GPU. benchmarks/cuda/ implements it with the CUDA runtime; benchmarks/no_cuda/ throws in builds without
/// CUDA.
namespace divvy::bench {

/// Measures the time between two points of the device's compute stream with events.
class DeviceTimer {
 public:
  explicit DeviceTimer(Device device);
  ~DeviceTimer();

  void start();
  /// Waits for the device and returns the seconds of device time since start().
  double stop();

 private:
  struct Events;
  std::unique_ptr<Events> events_;
};

/// The name and driver of the device and the versions of the libraries, for reports.
std::vector<std::pair<std::string, std::string>> device_facts(Device device);

}  // namespace divvy::bench
