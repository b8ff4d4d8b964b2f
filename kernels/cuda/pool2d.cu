#include "kernels/pool2d.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace divvy::kernels::cuda {

namespace {

struct PoolSizes {
  int64_t height, width, out_height, out_width, kernel, stride;

  PoolSizes(const Shape& x, const Shape& y, PoolWindow window)
      : height(x[2]), width(x[3]), out_height(y[2]), out_width(y[3]), kernel(window.kernel), stride(window.stride) {}

  /// The first pixel of the window of output i, counted through all planes.
  __device__ int64_t window(int64_t i) const {
    const int64_t column = i % out_width, row = i / out_width % out_height, plane = i / (out_width * out_height);
    return (plane * height + row * stride) * width + column * stride;
  }

  /// f(output) for the windows that have pixel p, in their order.
  template <class F>
  __device__ void for_windows(int64_t p, const F& f) const {
    const int64_t column = p % width, row = p / width % height, plane = p / (width * height);
    const int64_t top = first(row), bottom = min(row / stride, out_height - 1);
    const int64_t left = first(column), right = min(column / stride, out_width - 1);
    for (int64_t i = top; i <= bottom; ++i) {
      for (int64_t j = left; j <= right; ++j) f((plane * out_height + i) * out_width + j);
    }
  }

 private:
  /// The first window in one direction that reaches place `at`.
  __device__ int64_t first(int64_t at) const { return at < kernel ? 0 : (at - kernel) / stride + 1; }
};

/// Whether b takes the place of a, which comes before it, as the largest: a NaN does, and stays.
template <class T>
__device__ bool replaces(T b, T a) {
  return b > a || (b != b && a == a);
}

/// The place of the largest pixel of the window that starts at pixel `first`.
template <class T>
__device__ int64_t largest(const PoolSizes& s, const T* x, int64_t first) {
  int64_t best = first;
  T value = x[first];
  for (int64_t u = 0; u < s.kernel; ++u) {
    for (int64_t v = 0; v < s.kernel; ++v) {
      const int64_t p = first + u * s.width + v;
      if (replaces(x[p], value)) best = p, value = x[p];
    }
  }
  return best;
}

template <class T>
struct MaxForward {
  PoolSizes s;
  const T* x;
  T* y;
  __device__ void operator()(int64_t i) const { y[i] = x[largest(s, x, s.window(i))]; }
};

/// A thread for each pixel, which looks for it in its windows.
template <class T>
struct MaxBackward {
  PoolSizes s;
  const T *x, *dy;
  T* dx;
  __device__ void operator()(int64_t p) const {
    T sum = 0;
    s.for_windows(p, [&](int64_t o) {
      if (largest(s, x, s.window(o)) == p) sum += dy[o];
    });
    dx[p] = sum;
  }
};

template <class T>
struct AverageForward {
  PoolSizes s;
  const T* x;
  T* y;
  T share;
  __device__ void operator()(int64_t i) const {
    const int64_t first = s.window(i);
    T sum = 0;
    for (int64_t u = 0; u < s.kernel; ++u) {
      for (int64_t v = 0; v < s.kernel; ++v) sum += x[first + u * s.width + v];
    }
    y[i] = sum * share;
  }
};

template <class T>
struct AverageBackward {
  PoolSizes s;
  const T* dy;
  T* dx;
  T share;
  __device__ void operator()(int64_t p) const {
    T sum = 0;
    s.for_windows(p, [&](int64_t o) { sum += dy[o] * share; });
    dx[p] = sum;
  }
};

/// A warp for each image.
template <class T>
__global__ void __launch_bounds__(kThreads) global_forward_kernel(const T* x, int64_t images, int64_t plane, T* y) {
  const int64_t image = blockIdx.x * int64_t{kThreads / 32} + threadIdx.x / 32;
  if (image >= images) return;  // whole warps at a time
  T sum = 0;
  for (int64_t p = threadIdx.x % 32; p < plane; p += 32) sum += x[image * plane + p];
  sum = warp_reduce(sum, Sum());
  if (threadIdx.x % 32 == 0) y[image] = sum / static_cast<T>(plane);
}

template <class T>
struct GlobalBackward {
  const T* dy;
  int64_t plane;
  T* dx;
  __device__ void operator()(int64_t p) const { dx[p] = dy[p / plane] / static_cast<T>(plane); }
};

template <class T>
T share_of(PoolWindow window) {
  return T(1) / static_cast<T>(window.kernel * window.kernel);
}

}  // namespace

void max_pool2d(const Tensor& x, PoolWindow window, Tensor& y) {
  const PoolSizes s(x.shape(), y.shape(), window);
  visit_floating("max_pool2d", x.dtype(), [&]<class T>() {
    for_each(x.device(), y.numel(), MaxForward<T>{s, x.data<T>(), y.mutable_data<T>()});
  });
}

void max_pool2d_backward(const Tensor& x, const Tensor& dy, PoolWindow window, Tensor& dx) {
  const PoolSizes s(x.shape(), dy.shape(), window);
  visit_floating("max_pool2d_backward", x.dtype(), [&]<class T>() {
    for_each(x.device(), dx.numel(), MaxBackward<T>{s, x.data<T>(), dy.data<T>(), dx.mutable_data<T>()});
  });
}

void avg_pool2d(const Tensor& x, PoolWindow window, Tensor& y) {
  const PoolSizes s(x.shape(), y.shape(), window);
  visit_floating("avg_pool2d", x.dtype(), [&]<class T>() {
    for_each(x.device(), y.numel(), AverageForward<T>{s, x.data<T>(), y.mutable_data<T>(), share_of<T>(window)});
  });
}

void avg_pool2d_backward(const Tensor& dy, PoolWindow window, Tensor& dx) {
  const PoolSizes s(dx.shape(), dy.shape(), window);
  visit_floating("avg_pool2d_backward", dx.dtype(), [&]<class T>() {
    for_each(dx.device(), dx.numel(), AverageBackward<T>{s, dy.data<T>(), dx.mutable_data<T>(), share_of<T>(window)});
  });
}

void global_avg_pool2d(const Tensor& x, Tensor& y) {
  if (y.numel() == 0) return;
  visit_floating("global_avg_pool2d", x.dtype(), [&]<class T>() {
    constexpr int64_t a_block = kThreads / 32;
    launch({x.device(), static_cast<unsigned>((y.numel() + a_block - 1) / a_block), kThreads}, global_forward_kernel<T>,
           x.data<T>(), y.numel(), x.numel() / y.numel(), y.mutable_data<T>());
  });
}

void global_avg_pool2d_backward(const Tensor& dy, Tensor& dx) {
  if (dy.numel() == 0) return;
  visit_floating("global_avg_pool2d_backward", dx.dtype(), [&]<class T>() {
    for_each(dx.device(), dx.numel(), GlobalBackward<T>{dy.data<T>(), dx.numel() / dy.numel(), dx.mutable_data<T>()});
  });
}

}  // namespace divvy::kernels::cuda
