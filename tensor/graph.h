#pragma once

#include <cstdint>
#include <functional>
#include <memory>

/// Work for a device that is recorded once and replayed many times. tensor/cuda/ implements it with CUDA graphs;
/// tensor/no_cuda/ throws DeviceError in builds without CUDA.
namespace divvy::cuda {

/// Records the work that a function queues on a device, so that one launch repeats it:
///
///     Graph step(0, [&] { ... operations on tensors ... });  // recorded, not done
///     input.copy_from(batch);
///     step.replay();
///
/// The graph holds the kernels with their arguments, addresses and numbers:
/// - Tensors made before the recording are read and written in place: they must live as long as the graph.
/// - Tensors made during the recording are in a MemoryPool that belongs to the graph; if kept, they hold the results of
///   the last replay. A tensor that is input to a replay must be made before the recording, since a replay reuses the
///   memory of those made during it.
/// - Numbers that the host passed to a kernel, and branches that it took, are the same in each replay.
/// - Operations that need the host throw DeviceError: reading a result, copying from host memory, drawing random
///   numbers (which would be the same in each replay).
/// No other thread may use the device while a graph is recorded.
class Graph {
 public:
  /// Rethrows what `work` throws; nothing has been queued then. Throws DeviceError if the device is absent or already
  /// being recorded, and if CUDA refuses.
  Graph(int device, const std::function<void()>& work);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Queues the work once more, after all work already queued for the device. Does not wait.
  void replay();
  /// The device memory reserved for the graph.
  int64_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a graph is being recorded on a device.
bool recording(int device);

/// Throws DeviceError while a graph is being recorded on the device, since `what` cannot be part of it.
void refuse_in_recording(int device, const char* what);

}  // namespace divvy::cuda
