#include "kernels/gather_samples.h"

#include "kernels/cuda/elementwise.cuh"
#include "kernels/sample_window.h"
#include "tensor/cuda/fault.h"
#include "tensor/cuda/random_elements.h"
#include "tensor/graph.h"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Samples {
  const T* x;
  const int64_t* index;
  const float* values;
  int64_t count, channels, plane, per_channel;
  divvy::cuda::Fault fault;
  float* y;

  /// The sample at place i of the batch, or null where its index is out of range.
  __device__ const T* sample(int64_t i) const {
    const int64_t at = index[i];
    if (at < 0 || at >= count) {
      fault.raise();
      return nullptr;
    }
    return x + at * channels * plane;
  }
  __device__ float value(int64_t c, const T* stored) const {
    if (stored == nullptr) return values[c * per_channel];
    if constexpr (std::is_same_v<T, float>) {
      return *stored;
    } else {
      return values[c * per_channel + *stored];
    }
  }
};

/// As they are: element j of the batch.
template <class T>
struct Unchanged {
  Samples<T> of;
  __device__ void operator()(int64_t j) const {
    const int64_t row = quotient(j, of.plane), i = quotient(row, of.channels), c = row - i * of.channels;
    const T* sample = of.sample(i);
    of.y[j] = of.value(c, sample == nullptr ? nullptr : sample + (j - i * of.channels * of.plane));
  }
};

/// A block for an image.
template <class T>
__global__ void __launch_bounds__(kThreads)
    changed_kernel(Samples<T> of, SampleChanges changes, int64_t images, int64_t height, int64_t width) {
  const int64_t pixels = of.channels * of.plane;
  for (int64_t i = blockIdx.x; i < images; i += gridDim.x) {
    const random::Block block =
        random::block_at({changes.seed, changes.stream, changes.offset}, static_cast<uint64_t>(i));
    const SampleWindow window(changes, block.word, height, width);
    const T* sample = of.sample(i);
    for (int64_t j = threadIdx.x; j < pixels; j += kThreads) {
      const int64_t line = quotient(j, width), c = quotient(line, height);
      const int64_t at = window.source(line - c * height, j - line * width);
      of.y[i * pixels + j] = of.value(c, sample == nullptr || at < 0 ? nullptr : sample + c * of.plane + at);
    }
  }
}

template <class T>
void gather(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes, Tensor& y) {
  const Device device = x.device();
  if (y.numel() == 0) return;
  const Samples<T> of{x.data<T>(),
                      index.data<int64_t>(),
                      values.data<float>(),
                      x.size(0),
                      x.size(1),
                      x.shape().range(2).numel(),
                      values.size(1),
                      divvy::cuda::fault(device.index, "gather_samples: an index is out of range"),
                      y.mutable_data<float>()};
  if (changes.none()) return for_each(device, y.numel(), Unchanged<T>{of});
  divvy::cuda::refuse_in_recording(device.index, "drawing random numbers");
  const int64_t images = index.numel();
  launch({device, static_cast<unsigned>(std::min<int64_t>(images, 1 << 20)), kThreads}, changed_kernel<T>, of, changes,
         images, x.size(2), x.size(3));
}

}  // namespace

void gather_samples(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes,
                    Tensor& y) {
  x.dtype() == DType::u8 ? gather<uint8_t>(x, index, values, changes, y) : gather<float>(x, index, values, changes, y);
}

}  // namespace divvy::kernels::cuda
