#include "tensor/cuda/device_memory.h"

#include "tensor/error.h"

namespace divvy {

int cuda_device_count() { return 0; }

namespace cuda {

namespace {
[[noreturn]] void absent() { fail<DeviceError>("this build of divvy has no CUDA; configure with -DDIVVY_CUDA=ON"); }
}  // namespace

CachingAllocator& allocator(int) { absent(); }
void copy_bytes(void*, Device, const void*, Device, size_t) { absent(); }
void zero_bytes(void*, int, size_t) { absent(); }

}  // namespace cuda
}  // namespace divvy
