#pragma once

#include <cstddef>

#include "tensor/allocator.h"

/// Memory of the CUDA devices. tensor/cuda/ implements it with the CUDA runtime; tensor/no_cuda/ throws DeviceError in
/// builds without CUDA.
namespace divvy::cuda {

/// The caching allocator of a device. Throws DeviceError if there is no such device.
CachingAllocator& allocator(int device);

/// Copies between host and device memory, in either direction or within a device, after all work already queued for the
/// device. On return a copy to the host is complete, and a source in host memory may be changed.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes);

/// Sets `bytes` bytes of device memory to zero.
void zero_bytes(void* to, int device, size_t bytes);

}  // namespace divvy::cuda
