#include "tensor/cuda/staging.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <vector>

#include "tensor/cuda/check.h"
#include "tensor/cuda/stream.h"
#include "tensor/device.h"

namespace divvy::cuda {

namespace {

constexpr size_t kBufferBytes = size_t{4} << 20;
constexpr size_t kBuffers = 4;

/// Page-locked buffers that take turns: one is filled while the device reads the others.
class Staging {
 public:
  void upload(void* to, const void* from, size_t bytes, cudaStream_t stream) {
    const std::lock_guard lock(mutex_);
    for (size_t done = 0; done < bytes; done += kBufferBytes) {
      Buffer& buffer = buffers_[next_++ % kBuffers];
      if (!buffer.memory) DIVVY_CUDA_CHECK(cudaMallocHost(&buffer.memory, kBufferBytes));
      buffer.read.synchronize();
      const size_t part = std::min(kBufferBytes, bytes - done);
      std::memcpy(buffer.memory, static_cast<const std::byte*>(from) + done, part);
      DIVVY_CUDA_CHECK(
          cudaMemcpyAsync(static_cast<std::byte*>(to) + done, buffer.memory, part, cudaMemcpyHostToDevice, stream));
      buffer.read.record(stream);
    }
  }

 private:
  struct Buffer {
    void* memory = nullptr;
    Event read;  // an event that was never recorded counts as complete
  };
  std::mutex mutex_;
  std::array<Buffer, kBuffers> buffers_;
  size_t next_ = 0;
};

}  // namespace

void upload(void* to, int device, const void* from, size_t bytes, cudaStream_t stream) {
  // Never destroyed, like the streams.
  static auto& all = *[] {
    auto* result = new std::vector<Staging*>;
    for (int i = 0; i < cuda_device_count(); ++i) {
      const DeviceGuard guard(i);
      result->push_back(new Staging);
    }
    return result;
  }();
  all[static_cast<size_t>(device)]->upload(to, from, bytes, stream);
}

}  // namespace divvy::cuda
