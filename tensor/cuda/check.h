#pragma once

#include <cuda_runtime_api.h>

#include "tensor/error.h"

/// Throws DeviceError with the expression, its file and line and CUDA's reason unless `call` returns cudaSuccess.
#define DIVVY_CUDA_CHECK(call) ::divvy::cuda::check((call), #call, __FILE__, __LINE__)

namespace divvy::cuda {

inline void check(cudaError_t status, const char* expression, const char* file, int line) {
  if (status == cudaSuccess) return;
  fail<DeviceError>("CUDA: {} ({}) from {} at {}:{}; run `nvidia-smi` to see whether the device works",
                    cudaGetErrorString(status), cudaGetErrorName(status), expression, file, line);
}

/// Throws DeviceError unless there is a device with that index.
void require_device(int device);

/// Makes a device the current one of this thread for as long as it lives.
class DeviceGuard {
 public:
  explicit DeviceGuard(int device) {
    DIVVY_CUDA_CHECK(cudaGetDevice(&before_));
    if (device != before_) DIVVY_CUDA_CHECK(cudaSetDevice(device));
  }
  ~DeviceGuard() { cudaSetDevice(before_); }
  DeviceGuard(const DeviceGuard&) = delete;
  DeviceGuard& operator=(const DeviceGuard&) = delete;

 private:
  int before_ = 0;
};

}  // namespace divvy::cuda
