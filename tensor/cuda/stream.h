#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "tensor/cuda/check.h"

namespace divvy::cuda {

/// A point in a stream.
class Event {
 public:
  /// `timing` events can be subtracted, others cost less.
  explicit Event(bool timing = false);
  ~Event();
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }

  void record(cudaStream_t stream);
  /// Waits on the host.
  void synchronize() const;
  /// Milliseconds from `start` to this event; both with timing, and past.
  float milliseconds_since(const Event& start) const;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// The stream in which all kernels of a device and all copies between its tensors are queued: so they run one after the
/// other, and memory that a tensor gives up can be handed to the next one while kernels that use it are under way.
cudaStream_t compute_stream(int device);
/// A stream beside it for copies from the host that nothing waits for yet.
cudaStream_t copy_stream(int device);

/// How many multiprocessors a device has.
int multiprocessors(int device);

/// Makes what is queued on `later` from now on wait for what `earlier` holds now. No waiting on the host.
void wait_for(cudaStream_t later, cudaStream_t earlier);

/// Waits on the host until a device has done everything.
void synchronize(int device);

}  // namespace divvy::cuda
