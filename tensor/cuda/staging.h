#pragma once

#include <cuda_runtime_api.h>

#include <cstddef>

namespace divvy::cuda {

/// Copies pageable or page-locked host memory to a device through page-locked buffers, in `stream`. The source may be
/// changed on return; the host waits only if the device is still reading all buffers.
void upload(void* to, int device, const void* from, size_t bytes, cudaStream_t stream);

}  // namespace divvy::cuda
