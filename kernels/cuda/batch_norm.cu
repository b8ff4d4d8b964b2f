#include "kernels/batch_norm.h"

#include <utility>

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/segments.cuh"

namespace divvy::kernels::cuda {

namespace {

constexpr int kBlock = 512, kRun = 32;
constexpr const char* kFault = "batch_norm: the offsets of the segments are out of range";

/// One block normalizes some neighboring channels of one expert from beginning to end. In a row these are one run of
/// contiguous elements: of one channel where images have kRun pixels or more, else of as many whole channels as fit in
/// kRun. Each thread has elements of one channel only, and the same in each pass, so that results may overwrite inputs.
struct ChannelLayout {
  DeviceSegments segments;
  int64_t channels, spatial, together;  ///< channels of a block

  __device__ int64_t groups() const { return (channels + together - 1) / together; }
};

struct ChannelBlock {
  RowRange rows;
  int64_t channels, spatial;
  int64_t first, count;  ///< the channels of the block
  int run;               ///< elements of a row; 0: one channel, of any number of pixels

  __device__ explicit ChannelBlock(const ChannelLayout& layout)
      : rows(layout.segments.all_of(blockIdx.x / layout.groups())),
        channels(layout.channels),
        spatial(layout.spatial),
        first(blockIdx.x % layout.groups() * layout.together),
        count(min(layout.together, channels - first)),
        run(spatial >= kRun ? 0 : static_cast<int>(count * spatial)) {}

  __device__ int64_t values() const { return rows.rows() * spatial; }  ///< of one channel
  __device__ int lane() const { return static_cast<int>(threadIdx.x % kRun); }
  /// Whether this thread has a channel, and which.
  __device__ bool active() const { return run == 0 || lane() < run; }
  __device__ int64_t channel() const { return run == 0 ? 0 : lane() / spatial; }
  __device__ int64_t parameter() const { return rows.expert * channels + first + channel(); }
  /// Whether it is the one thread of its channel that writes what the block has once for each channel.
  __device__ bool writes() const {
    return run == 0 ? threadIdx.x == 0 : threadIdx.x < static_cast<unsigned>(run) && lane() % spatial == 0;
  }

  /// f(element of x) for the elements of this thread.
  template <class F>
  __device__ void for_each(const F& f) const {
    if (run == 0) {
      const int64_t total = values();
      for (int64_t i = threadIdx.x; i < total; i += kBlock) {
        f(((rows.begin + i / spatial) * channels + first) * spatial + i % spatial);
      }
    } else if (lane() < run) {
      for (int64_t row = rows.begin + threadIdx.x / kRun; row < rows.end; row += kBlock / kRun) {
        f((row * channels + first) * spatial + lane());
      }
    }
  }

  /// The sum of the values of all threads that have the same channel. All threads of the block take part.
  __device__ double sum(double value) const {
    if (run == 0) return block_reduce(value, 0.0, Sum());
    __shared__ double of_thread[kBlock];
    __syncthreads();  // an earlier sum may still be read
    of_thread[threadIdx.x] = value;
    __syncthreads();
    if (threadIdx.x < kRun) {
      for (int i = 1; i < kBlock / kRun; ++i) value += of_thread[i * kRun + threadIdx.x];
      of_thread[threadIdx.x] = value;
    }
    __syncthreads();
    double total = 0;
    if (lane() >= run) return total;
    const int begin = static_cast<int>(channel() * spatial);
    for (int i = 0; i < static_cast<int>(spatial); ++i) total += of_thread[begin + i];
    return total;
  }
};

/// Whether the products of a channel's normalization stay within the range of T. NaN do not.
template <class T>
__device__ bool is_plain(double mean, double inverse) {
  constexpr double kFar = sizeof(T) == 4 ? 1e31 : 1e153;
  return mean < kFar && mean > -kFar && inverse > 1 / kFar;
}

template <class T>
__device__ T blend(T old, double value, double momentum) {
  return static_cast<T>((1 - momentum) * static_cast<double>(old) + momentum * value);
}

template <class T>
struct Forward {
  const T *x, *gamma, *beta;
  T *running_mean, *running_var;  ///< written in training only
  bool training;
  double momentum, eps;
  T* y;
  double *mean, *inverse_std;
};

template <class T>
__global__ void __launch_bounds__(kBlock) forward_kernel(ChannelLayout layout, Forward<T> a) {
  const ChannelBlock block(layout);
  const int64_t p = block.active() ? block.parameter() : 0;
  double mean = 0, inverse = 0;
  if (a.training && block.values() > 1) {
    const auto n = static_cast<double>(block.values());
    double sum = 0, squares = 0;
    block.for_each([&](int64_t i) { sum += static_cast<double>(a.x[i]); });
    mean = block.sum(sum) / n;
    block.for_each([&](int64_t i) {
      const double distance = static_cast<double>(a.x[i]) - mean;
      squares += distance * distance;
    });
    squares = block.sum(squares);
    inverse = 1 / sqrt(squares / n + a.eps);
    if (block.writes()) {
      a.running_mean[p] = blend(a.running_mean[p], mean, a.momentum);
      a.running_var[p] = blend(a.running_var[p], squares / (n - 1), a.momentum);
    }
  } else if (block.active()) {
    mean = static_cast<double>(a.running_mean[p]);
    inverse = 1 / sqrt(static_cast<double>(a.running_var[p]) + a.eps);
  }
  if (!block.active()) return;
  if (block.writes()) {
    a.mean[p] = mean;
    a.inverse_std[p] = inverse;
  }
  // y = (x - mean) scale + shift; the shift makes up for the rounding of the mean to T.
  const double s = static_cast<double>(a.gamma[p]) * inverse;
  const T rounded = static_cast<T>(mean), scale = static_cast<T>(s);
  const T shift = static_cast<T>(static_cast<double>(a.beta[p]) + (static_cast<double>(rounded) - mean) * s);
  if (!is_plain<T>(mean, inverse)) {
    block.for_each([&](int64_t i) {
      a.y[i] = static_cast<T>((static_cast<double>(a.x[i]) - mean) * s + static_cast<double>(a.beta[p]));
    });
    return;
  }
  block.for_each([&](int64_t i) { a.y[i] = (a.x[i] - rounded) * scale + shift; });
}

template <class T>
struct Backward {
  const T *x, *gamma, *dy;
  const double *mean, *inverse_std;
  bool training;
  T *dx, *dgamma, *dbeta;  ///< null where not wanted
};

template <class T>
__global__ void __launch_bounds__(kBlock) backward_kernel(ChannelLayout layout, Backward<T> a) {
  const ChannelBlock block(layout);
  const int64_t p = block.active() ? block.parameter() : 0;
  const double mean = block.active() ? a.mean[p] : 0, inverse = block.active() ? a.inverse_std[p] : 0;
  double sum = 0, product = 0;
  block.for_each([&](int64_t i) {
    const auto u = static_cast<double>(a.dy[i]);
    sum += u;
    product += u * (static_cast<double>(a.x[i]) - mean);
  });
  sum = block.sum(sum);
  product = block.sum(product);
  if (!block.active()) return;
  if (block.writes()) {
    if (a.dbeta != nullptr) a.dbeta[p] = static_cast<T>(sum);
    if (a.dgamma != nullptr) a.dgamma[p] = static_cast<T>(product * inverse);
  }
  if (a.dx == nullptr) return;
  // dx = dy scale + (x - mean) slope + shift, with the mean rounded to T as in the forward pass.
  const double s = static_cast<double>(a.gamma[p]) * inverse;
  const T rounded = static_cast<T>(mean), scale = static_cast<T>(s);
  if (!is_plain<T>(mean, inverse)) {
    const double share = a.training && block.values() > 1 ? 1 / static_cast<double>(block.values()) : 0;
    block.for_each([&](int64_t i) {
      const double z = (static_cast<double>(a.x[i]) - mean) * inverse;
      a.dx[i] = static_cast<T>(s * (static_cast<double>(a.dy[i]) - (sum + z * (product * inverse)) * share));
    });
    return;
  }
  T slope = 0, shift = 0;
  if (a.training && block.values() > 1) {
    const auto n = static_cast<double>(block.values());
    const double k = -s * inverse * inverse * product / n;
    slope = static_cast<T>(k);
    shift = static_cast<T>((static_cast<double>(rounded) - mean) * k - s * sum / n);
  }
  block.for_each([&](int64_t i) { a.dx[i] = a.dy[i] * scale + ((a.x[i] - rounded) * slope + shift); });
}

ChannelLayout layout_of(const Tensor& x, int64_t experts, const Segments& segments) {
  const int64_t spatial = x.rank() == 4 ? x.size(2) * x.size(3) : 1;
  return {on_device(segments, experts, x.size(0), x.size(0), x.device(), kFault), x.size(1), spatial,
          spatial == 0 || spatial >= kRun ? 1 : kRun / spatial};
}

Grid grid_of(const Tensor& x, const ChannelLayout& layout) {
  const int64_t groups = (layout.channels + layout.together - 1) / layout.together;
  return {x.device(), static_cast<unsigned>(layout.segments.experts * groups), kBlock};
}

template <class T>
T* wanted(Tensor& t) {
  return t.defined() ? t.mutable_data<T>() : nullptr;
}

}  // namespace

void batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, BatchNormStatistics& running,
                const BatchNormOptions& options, const Segments& segments, BatchNormResult& result) {
  if (gamma.numel() == 0) return;
  visit_floating("batch_norm", x.dtype(), [&]<class T>() {
    const ChannelLayout layout = layout_of(x, gamma.size(0), segments);
    // Evaluation only reads the running statistics, and must not mark them as changed.
    const auto statistics = [&](Tensor& t) {
      return options.training ? t.mutable_data<T>() : const_cast<T*>(std::as_const(t).data<T>());
    };
    launch(grid_of(x, layout), forward_kernel<T>, layout,
           Forward<T>{x.data<T>(), gamma.data<T>(), beta.data<T>(), statistics(running.mean), statistics(running.var),
                      options.training, options.momentum, options.eps, result.y.mutable_data<T>(),
                      result.mean.mutable_data<double>(), result.inverse_std.mutable_data<double>()});
  });
}

void batch_norm_backward(const Tensor& x, const Tensor& gamma, const BatchNormResult& saved, const Tensor& dy,
                         bool training, const Segments& segments, BatchNormGradients& gradients) {
  if (gamma.numel() == 0) return;
  visit_floating("batch_norm_backward", x.dtype(), [&]<class T>() {
    const ChannelLayout layout = layout_of(x, gamma.size(0), segments);
    launch(grid_of(x, layout), backward_kernel<T>, layout,
           Backward<T>{x.data<T>(), gamma.data<T>(), dy.data<T>(), saved.mean.data<double>(),
                       saved.inverse_std.data<double>(), training, wanted<T>(gradients.dx), wanted<T>(gradients.dgamma),
                       wanted<T>(gradients.dbeta)});
  });
}

}  // namespace divvy::kernels::cuda
