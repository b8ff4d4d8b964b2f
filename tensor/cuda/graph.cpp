#include "tensor/graph.h"

#include <array>
#include <atomic>

#include "tensor/cuda/check.h"
#include "tensor/cuda/device_memory.h"
#include "tensor/cuda/stream.h"

namespace divvy::cuda {

namespace {

constexpr size_t kDevices = 64;
std::array<std::atomic<bool>, kDevices> recorded{};

std::atomic<bool>& recorded_flag(int device) {
  if (static_cast<size_t>(device) >= kDevices) fail<DeviceError>("graph: no more than {} devices", kDevices);
  return recorded[static_cast<size_t>(device)];
}

/// Like DIVVY_CUDA_CHECK, but also clears the error, since the caller can go on without a graph.
void require(cudaError_t status, const char* done) {
  if (status == cudaSuccess) return;
  cudaGetLastError();
  fail<DeviceError>("a CUDA graph could not be {}: {} ({})", done, cudaGetErrorString(status),
                    cudaGetErrorName(status));
}

/// Captures the compute stream of a device as long as it lives.
class Recording {
 public:
  Recording(int device, MemoryPool& pool) : flag_(recorded_flag(device)), pool_(pool), stream_(compute_stream(device)) {
    if (flag_.exchange(true)) fail<DeviceError>("graph: another one is being recorded on cuda:{}", device);
    try {
      pool_.open();
      // Relaxed, because a tensor may still need new memory from the driver. Synchronizing calls are refused in every
      // mode.
      require(cudaStreamBeginCapture(stream_, cudaStreamCaptureModeRelaxed), "begun");
    } catch (...) {
      stop();
      throw;
    }
  }
  ~Recording() {
    if (!recording_) return;
    stop();
    cudaGraph_t half = nullptr;
    if (cudaStreamEndCapture(stream_, &half) == cudaSuccess && half != nullptr) cudaGraphDestroy(half);
    cudaGetLastError();  // otherwise the next check would report it
  }
  Recording(const Recording&) = delete;
  Recording& operator=(const Recording&) = delete;

  cudaGraph_t finish() {
    stop();
    cudaGraph_t graph = nullptr;
    require(cudaStreamEndCapture(stream_, &graph), "recorded");
    return graph;
  }

 private:
  void stop() {
    recording_ = false;
    pool_.close();
    flag_ = false;
  }

  std::atomic<bool>& flag_;
  MemoryPool& pool_;
  cudaStream_t stream_;
  bool recording_ = true;
};

}  // namespace

struct Graph::Impl {
  explicit Impl(int on) : device(on), pool(allocator(on)) {}
  ~Impl() {
    if (executable != nullptr) cudaGraphExecDestroy(executable);
  }
  Impl(const Impl&) = delete;
  Impl& operator=(const Impl&) = delete;

  int device;
  // Freeing the pool with the graph is safe: a replay still running precedes the next use of the memory in the stream.
  MemoryPool pool;
  cudaGraphExec_t executable = nullptr;
};

Graph::Graph(int device, const std::function<void()>& work) {
  require_device(device);
  const DeviceGuard guard(device);
  impl_ = std::make_unique<Impl>(device);
  cudaGraph_t graph = nullptr;
  {
    Recording recording(device, impl_->pool);
    work();
    graph = recording.finish();
  }
  const cudaError_t status = cudaGraphInstantiate(&impl_->executable, graph, 0);
  cudaGraphDestroy(graph);
  require(status, "made");
}

Graph::~Graph() = default;

void Graph::replay() {
  refuse_in_recording(impl_->device, "replaying a graph");
  const DeviceGuard guard(impl_->device);
  DIVVY_CUDA_CHECK(cudaGraphLaunch(impl_->executable, compute_stream(impl_->device)));
}

int64_t Graph::bytes() const { return impl_->pool.bytes(); }

bool recording(int device) { return recorded_flag(device); }

void refuse_in_recording(int device, const char* what) {
  if (recording(device)) fail<DeviceError>("{} cannot be part of a CUDA graph", what);
}

}  // namespace divvy::cuda
