#include "benchmarks/device_timer.h"

#include <cublas_v2.h>
#include <fmt/format.h>
#if __has_include(<cudnn_version.h>)
#include <cudnn_version.h>
#endif

#include "tensor/cuda/check.h"
#include "tensor/cuda/stream.h"

namespace divvy::bench {

struct DeviceTimer::Events {
  explicit Events(int device) : stream(cuda::compute_stream(device)) {}
  cudaStream_t stream;
  cuda::Event begin{true}, end{true};
};

DeviceTimer::DeviceTimer(Device device) : events_(std::make_unique<Events>(device.index)) {}
DeviceTimer::~DeviceTimer() = default;

void DeviceTimer::start() { events_->begin.record(events_->stream); }

double DeviceTimer::stop() {
  events_->end.record(events_->stream);
  events_->end.synchronize();
  return 1e-3 * static_cast<double>(events_->end.milliseconds_since(events_->begin));
}

std::vector<std::pair<std::string, std::string>> device_facts(Device device) {
  cudaDeviceProp properties{};
  int driver = 0, runtime = 0;
  DIVVY_CUDA_CHECK(cudaGetDeviceProperties(&properties, device.index));
  DIVVY_CUDA_CHECK(cudaDriverGetVersion(&driver));
  DIVVY_CUDA_CHECK(cudaRuntimeGetVersion(&runtime));
  const auto version = [](int number) { return fmt::format("{}.{}", number / 1000, number % 1000 / 10); };
  std::vector<std::pair<std::string, std::string>> facts = {
      {"gpu", properties.name},
      {"compute_capability", fmt::format("{}.{}", properties.major, properties.minor)},
      {"driver_cuda", version(driver)},
      {"cuda", version(runtime)}};
#ifdef CUBLAS_VER_MAJOR
  facts.emplace_back("cublas", fmt::format("{}.{}.{}", CUBLAS_VER_MAJOR, CUBLAS_VER_MINOR, CUBLAS_VER_PATCH));
#endif
#ifdef CUDNN_MAJOR
  facts.emplace_back("cudnn", fmt::format("{}.{}.{}", CUDNN_MAJOR, CUDNN_MINOR, CUDNN_PATCHLEVEL));
#endif
  return facts;
}

}  // namespace divvy::bench
