#pragma once

#include <cstddef>

#include "tensor/allocator.h"

/// Memory of the CUDA devices. tensor/cuda/ implements it with the runtime; tensor/no_cuda/ answers for a build
/// without.
namespace divvy::cuda {

/// The caching allocator of a device. Throws DeviceError where it is not there.
CachingAllocator& allocator(int device);

/// Copies between host and device memory, in either direction or within a device, after all that was queued for the
/// device before. A copy to the host is there on return; host memory that is copied from may be changed then.
void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes);

/// Sets `bytes` bytes of device memory to zero.
void zero_bytes(void* to, int device, size_t bytes);

}  // namespace divvy::cuda
