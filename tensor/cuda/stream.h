#pragma once

#include <cuda_runtime_api.h>

#include <utility>

#include "tensor/cuda/check.h"

namespace divvy::cuda {

/// A point in a stream.
class Event {
 public:
  /// Elapsed times can be measured between events with `timing`; others cost less.
  explicit Event(bool timing = false);
  ~Event();
  Event(Event&& other) noexcept : event_(std::exchange(other.event_, nullptr)) {}
  Event& operator=(Event&& other) noexcept {
    std::swap(event_, other.event_);
    return *this;
  }

  void record(cudaStream_t stream);
  /// Blocks the host until the event has completed.
  void synchronize() const;
  /// Milliseconds from `start` to this event; both must have timing and be complete.
  float milliseconds_since(const Event& start) const;
  cudaEvent_t get() const { return event_; }

 private:
  cudaEvent_t event_ = nullptr;
};

/// The stream of all kernels of a device and all copies between its tensors. They run in order, so the memory of a
/// freed tensor can be reused while kernels that read it are still running.
cudaStream_t compute_stream(int device);
/// A second stream, for copies from the host that may overlap with kernels.
cudaStream_t copy_stream(int device);

/// How many multiprocessors a device has.
int multiprocessors(int device);

/// Makes all work queued on `later` from now on wait for the work now queued on `earlier`, without blocking the host.
void wait_for(cudaStream_t later, cudaStream_t earlier);

/// Blocks the host until a device has finished all its work.
void synchronize(int device);

}  // namespace divvy::cuda
