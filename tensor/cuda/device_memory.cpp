#include "tensor/cuda/device_memory.h"

#include <memory>
#include <vector>

#include "tensor/cuda/check.h"
#include "tensor/cuda/fault.h"
#include "tensor/cuda/staging.h"
#include "tensor/cuda/stream.h"
#include "tensor/error.h"
#include "tensor/graph.h"

namespace divvy {

namespace {

int count_devices() {
  int count = 0;  // not written if there is no driver
  const cudaError_t status = cudaGetDeviceCount(&count);
  if (status == cudaErrorInsufficientDriver || status == cudaErrorNoDevice) {
    cudaGetLastError();  // otherwise the next check would report it
    return 0;
  }
  DIVVY_CUDA_CHECK(status);
  return count;
}

}  // namespace

int cuda_device_count() {
  static const int count = count_devices();
  return count;
}

namespace cuda {

namespace {

class DeviceMemory final : public MemorySource {
 public:
  explicit DeviceMemory(int device) : device_(device) {}

  void* acquire(size_t bytes) override {
    const DeviceGuard guard(device_);
    void* block = nullptr;
    const cudaError_t status = cudaMalloc(&block, bytes);
    if (status == cudaErrorMemoryAllocation) {
      cudaGetLastError();
      return nullptr;
    }
    DIVVY_CUDA_CHECK(status);
    return block;
  }

  void release(void* block, size_t) noexcept override {
    // The runtime knows the block's device. An error is ignored: a broken device makes the next call fail.
    cudaFree(block);
  }

  int64_t free_bytes() override {
    const DeviceGuard guard(device_);
    size_t free = 0, total = 0;
    DIVVY_CUDA_CHECK(cudaMemGetInfo(&free, &total));
    return static_cast<int64_t>(free);
  }

 private:
  int device_;
};

struct DeviceHeap {
  explicit DeviceHeap(int device) : memory(device), allocator(Device::cuda(device), memory) {}
  DeviceMemory memory;
  CachingAllocator allocator;
};

}  // namespace

void require_device(int device) {
  if (device < 0 || device >= cuda_device_count()) {
    fail<DeviceError>("there is no cuda:{}: {} CUDA devices can be used; run on the cpu or check `nvidia-smi`", device,
                      cuda_device_count());
  }
}

CachingAllocator& allocator(int device) {
  // Never destroyed: tensors with static lifetime may outlive any order of destruction, and the driver itself.
  static auto& heaps = *[] {
    auto all = std::make_unique<std::vector<std::unique_ptr<DeviceHeap>>>();
    for (int i = 0; i < cuda_device_count(); ++i) all->push_back(std::make_unique<DeviceHeap>(i));
    return all.release();
  }();
  require_device(device);
  return heaps[static_cast<size_t>(device)]->allocator;
}

void copy_bytes(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  const int device = to_device.is_cuda() ? to_device.index : from_device.index;
  require_device(device);
  const DeviceGuard guard(device);
  const cudaStream_t stream = compute_stream(device);
  if (!to_device.is_cuda()) {
    refuse_in_recording(device, "reading a result on the host");
    DIVVY_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToHost, stream));
    DIVVY_CUDA_CHECK(cudaStreamSynchronize(stream));
    check_fault(device);
  } else if (!from_device.is_cuda()) {
    refuse_in_recording(device, "a copy from the host");
    upload(to, device, from, bytes, stream);
  } else if (to_device == from_device) {
    DIVVY_CUDA_CHECK(cudaMemcpyAsync(to, from, bytes, cudaMemcpyDeviceToDevice, stream));
  } else {
    require_device(from_device.index);
    wait_for(stream, compute_stream(from_device.index));
    DIVVY_CUDA_CHECK(cudaMemcpyPeerAsync(to, to_device.index, from, from_device.index, bytes, stream));
    wait_for(compute_stream(from_device.index), stream);  // otherwise the source could be reused and overwritten
  }
}

void zero_bytes(void* to, int device, size_t bytes) {
  require_device(device);
  const DeviceGuard guard(device);
  if (bytes > 0) DIVVY_CUDA_CHECK(cudaMemsetAsync(to, 0, bytes, compute_stream(device)));
}

}  // namespace cuda
}  // namespace divvy
