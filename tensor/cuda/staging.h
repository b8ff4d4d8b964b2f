#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace divvy::cuda {

/// Copies host memory of any kind to a device through page-locked buffers, in `stream`. The source may be changed on
/// return; the host waits only where all buffers are still being read by the device.
void upload(void* to, int device, const void* from, size_t bytes, cudaStream_t stream);

}  // namespace divvy::cuda
