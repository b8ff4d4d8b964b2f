#include "tensor/cuda/stream.h"

#include <vector>

#include "tensor/device.h"
#include "tensor/graph.h"

namespace divvy::cuda {

namespace {

/// The streams and the multiprocessor count of a device, obtained once.
struct Streams {
  explicit Streams(int device) {
    const DeviceGuard guard(device);
    // They do not wait for the default stream, which other libraries of the process may use.
    DIVVY_CUDA_CHECK(cudaStreamCreateWithFlags(&compute, cudaStreamNonBlocking));
    DIVVY_CUDA_CHECK(cudaStreamCreateWithFlags(&copy, cudaStreamNonBlocking));
    DIVVY_CUDA_CHECK(cudaDeviceGetAttribute(&multiprocessors, cudaDevAttrMultiProcessorCount, device));
  }
  cudaStream_t compute = nullptr, copy = nullptr;
  int multiprocessors = 0;
};

const Streams& streams(int device) {
  // Never destroyed: tensors with static lifetime use them until the end, when the driver may be gone already.
  static const auto& all = *[] {
    auto* result = new std::vector<Streams>;
    for (int i = 0; i < cuda_device_count(); ++i) result->emplace_back(i);
    return result;
  }();
  require_device(device);
  return all[static_cast<size_t>(device)];
}

}  // namespace

Event::Event(bool timing) {
  DIVVY_CUDA_CHECK(cudaEventCreateWithFlags(&event_, timing ? cudaEventDefault : cudaEventDisableTiming));
}
Event::~Event() {
  if (event_) cudaEventDestroy(event_);
}
void Event::record(cudaStream_t stream) { DIVVY_CUDA_CHECK(cudaEventRecord(event_, stream)); }
void Event::synchronize() const { DIVVY_CUDA_CHECK(cudaEventSynchronize(event_)); }
float Event::milliseconds_since(const Event& start) const {
  float result = 0;
  DIVVY_CUDA_CHECK(cudaEventElapsedTime(&result, start.event_, event_));
  return result;
}

cudaStream_t compute_stream(int device) { return streams(device).compute; }
cudaStream_t copy_stream(int device) { return streams(device).copy; }
int multiprocessors(int device) { return streams(device).multiprocessors; }

void wait_for(cudaStream_t later, cudaStream_t earlier) {
  Event reached;
  reached.record(earlier);
  DIVVY_CUDA_CHECK(cudaStreamWaitEvent(later, reached.get(), 0));
}

void synchronize(int device) {
  refuse_in_recording(device, "waiting for the device");
  const DeviceGuard guard(device);
  DIVVY_CUDA_CHECK(cudaStreamSynchronize(copy_stream(device)));
  DIVVY_CUDA_CHECK(cudaStreamSynchronize(compute_stream(device)));
}

}  // namespace divvy::cuda
