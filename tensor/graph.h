#pragma once

#include <cstdint>
#include <functional>
#include <memory>

/// Work for a device that is recorded once and then repeated. tensor/cuda/ implements it by CUDA graphs;
/// tensor/no_cuda/ answers for a build without.
namespace divvy::cuda {

/// What a function queues on a device, to be done again and again at the price of one launch:
///
///     Graph step(0, [&] { ... operations on tensors ... });  // recorded, not done
///     input.copy_from(batch);
///     step.replay();
///
/// Recorded are the kernels with their arguments: addresses and numbers.
/// - Tensors from before are read and written where they lie: their memory must stay theirs as long as the graph lives.
/// - Tensors made during the recording lie in a MemoryPool of the graph's own. Nobody else is given that memory while
///   the graph lives; one that is kept holds what the last replay has computed. What a replay is to read must have been
///   made before the recording: in place of a tensor made during it, each replay may first have another one.
/// - A number that the host gave to a kernel is the same in each replay, and so is a choice that the host made.
/// - What needs the host is refused with DeviceError: reading a result, copying from host memory, drawing random
///   numbers (which would be the same ones each time).
/// While a graph is recorded, no other thread uses the device.
class Graph {
 public:
  /// Passes on what `work` throws; then nothing has been queued. Throws DeviceError for a device that is not there or
  /// is being recorded already, and where CUDA refuses.
  Graph(int device, const std::function<void()>& work);
  ~Graph();
  Graph(const Graph&) = delete;
  Graph& operator=(const Graph&) = delete;

  /// Queues the work once more, behind what has been queued for the device before. Does not wait.
  void replay();
  /// Device memory that is kept for the work.
  int64_t bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Whether a graph is being recorded on a device.
bool recording(int device);

/// Throws DeviceError while one is: `what` cannot be part of it.
void refuse_in_recording(int device, const char* what);

}  // namespace divvy::cuda
