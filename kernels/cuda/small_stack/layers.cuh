#pragma once

#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/segments.cuh"
#include "kernels/epilogue.h"
#include "kernels/small_layer_sizes.h"

/// The layers of a small stack on a tile of samples, by the threads of one block. What a tile needs lies in the block's
/// own memory, sample by sample: the input, then the results of the layers one after the other.
namespace divvy::kernels::cuda::stack {

inline constexpr int kBlock = 256, kWarps = kBlock / 32;

template <class T>
struct Layer {
  const T *weight, *bias;  ///< of all experts; bias: null for none
  int kernel, padding;     ///< kernel 0: a linear layer
  bool relu, pool;
  int in, in_rows, in_cols;  ///< channels and their size, or features
  int out, rows, cols;       ///< filters and the size of their results before pooling
  int out_rows, out_cols;    ///< and after pooling
  int input_at, result_at;   ///< where a sample's inputs and results of this layer are among all values of a sample
  int mask_at;
  int64_t weight_at, bias_at;  ///< where they are among all parameters of an expert

  __host__ __device__ int in_size() const { return in * in_rows * in_cols; }
  __host__ __device__ int out_size() const { return out * out_rows * out_cols; }
  __host__ __device__ int64_t weights() const { return int64_t{in} * out * (kernel == 0 ? 1 : kernel * kernel); }
};

template <class T>
struct Stack {
  Layer<T> layers[kMostSmallLayers];
  int count;
  int input_size;      ///< values of a sample of x
  int kept_size;       ///< values of a sample's results that are kept for backward: all but those of the last layer
  int last_size;       ///< and of the last layer, which are kept too where it has a ReLU
  int mask_size;       ///< pooled values of a sample
  int gradient_size;   ///< the most values that a layer gives
  int64_t parameters;  ///< of an expert

  __host__ __device__ bool keeps_last() const { return layers[count - 1].relu; }
  __host__ __device__ int64_t saved_size() const { return kept_size + (keeps_last() ? last_size : 0); }
};

/// The samples that a block has in work.
template <class T>
struct Tile {
  T* values;       ///< [samples, stride]: input and results
  int stride;      ///< from a sample to the next
  int count;       ///< samples of this tile
  int64_t row;     ///< of the first of them
  uint8_t* masks;  ///< of all rows, [N, mask_size]: which of its four each pooled value is; null: not kept
  int mask_size;
};

/// Calls f(i) for i in [0, count), divided among the threads of the block.
template <class F>
__device__ __forceinline__ void for_threads(int64_t count, const F& f) {
  for (int64_t i = threadIdx.x; i < count; i += kBlock) f(i);
}

/// Calls f(i, lane) for i in [0, count), divided among the warps of the block.
template <class F>
__device__ __forceinline__ void for_warps(int64_t count, const F& f) {
  for (int64_t i = threadIdx.x / 32; i < count; i += kWarps) f(i, static_cast<int>(threadIdx.x % 32));
}

/// A filter's result at (i, j), or the largest of four after pooling and which it was, the first of equal ones. Each
/// sum goes through channels, rows and columns in their order.
template <class T, int kKernel, bool kPool>
__device__ __forceinline__ T filter_at(const Layer<T>& layer, const T* input, const T* weight, T bias, int i, int j,
                                       int& largest) {
  constexpr int kSide = kPool ? 2 : 1, kWindow = kKernel + kSide - 1;
  T sum[kSide * kSide];
#pragma unroll
  for (int q = 0; q < kSide * kSide; ++q) sum[q] = bias;
  const int top = kSide * i - layer.padding, left = kSide * j - layer.padding;
  for (int c = 0; c < layer.in; ++c) {
    const T *plane = input + c * layer.in_rows * layer.in_cols, *w = weight + c * kKernel * kKernel;
#pragma unroll
    for (int y = 0; y < kWindow; ++y) {
#pragma unroll
      for (int x = 0; x < kWindow; ++x) {
        const int row = top + y, col = left + x;
        const bool inside = row >= 0 && row < layer.in_rows && col >= 0 && col < layer.in_cols;
        if (!inside) continue;
        const T value = plane[row * layer.in_cols + col];
#pragma unroll
        for (int q = 0; q < kSide * kSide; ++q) {
          const int u = y - q / kSide, v = x - q % kSide;
          if (u >= 0 && u < kKernel && v >= 0 && v < kKernel) sum[q] += w[u * kKernel + v] * value;
        }
      }
    }
  }
  const Epilogue<T> epilogue{.relu = layer.relu};
  T best = epilogue(sum[0], i, j);
  largest = 0;
#pragma unroll
  for (int q = 1; q < kSide * kSide; ++q) {
    const T next = epilogue(sum[q], i, j);
    if (next > best || (next != next && best == best)) best = next, largest = q;
  }
  return best;
}

/// store(sample, value number, value) for the results of a convolution.
template <int kKernel, bool kPool, class T, class Store>
__device__ __forceinline__ void filter(const Layer<T>& layer, const Tile<T>& tile, const T* weight, const T* bias,
                                       const Store& store) {
  const int size = layer.out_size(), plane = layer.out_rows * layer.out_cols;
  for_threads(int64_t{tile.count} * size, [&](int64_t item) {
    const int sample = static_cast<int>(item / size), at = static_cast<int>(item % size);
    const int o = at / plane, i = at % plane / layer.out_cols, j = at % layer.out_cols;
    int largest = 0;
    const T value = filter_at<T, kKernel, kPool>(layer, tile.values + sample * tile.stride + layer.input_at,
                                                 weight + int64_t{o} * layer.in * kKernel * kKernel,
                                                 bias == nullptr ? T(0) : bias[o], i, j, largest);
    if (kPool && tile.masks != nullptr) {
      tile.masks[(tile.row + sample) * tile.mask_size + layer.mask_at + at] = static_cast<uint8_t>(largest);
    }
    store(sample, at, value);
  });
}

/// The same for a linear layer: a warp for each sum where these are long.
template <class T, class Store>
__device__ __forceinline__ void connect(const Layer<T>& layer, const Tile<T>& tile, const T* weight, const T* bias,
                                        const Store& store) {
  const int inputs = layer.in_size();
  const auto input_of = [&](int64_t item) { return tile.values + item / layer.out * tile.stride + layer.input_at; };
  const Epilogue<T> epilogue{.bias = bias, .relu = layer.relu};
  const auto finish = [&](int64_t item, T sum) {
    const int sample = static_cast<int>(item / layer.out), o = static_cast<int>(item % layer.out);
    store(sample, o, epilogue(sum, sample, o));
  };
  const int64_t items = int64_t{tile.count} * layer.out;
  if (inputs < 32) {
    for_threads(items, [&](int64_t item) {
      const T *from = input_of(item), *w = weight + item % layer.out * inputs;
      T sum = 0;
      for (int f = 0; f < inputs; ++f) sum += w[f] * from[f];
      finish(item, sum);
    });
  } else {
    for_warps(items, [&](int64_t item, int lane) {
      const T *from = input_of(item), *w = weight + item % layer.out * inputs;
      T sum = 0;
      for (int f = lane; f < inputs; f += 32) sum += w[f] * from[f];
      sum = warp_reduce(sum, Sum());
      if (lane == 0) finish(item, sum);
    });
  }
}

template <class T, class Store>
__device__ __forceinline__ void evaluate(const Layer<T>& layer, const Tile<T>& tile, const T* weight, const T* bias,
                                         const Store& store) {
  if (layer.kernel == 0) return connect(layer, tile, weight, bias, store);
  if (layer.kernel == 3) {
    return layer.pool ? filter<3, true>(layer, tile, weight, bias, store)
                      : filter<3, false>(layer, tile, weight, bias, store);
  }
  return layer.pool ? filter<5, true>(layer, tile, weight, bias, store)
                    : filter<5, false>(layer, tile, weight, bias, store);
}

/// Gradients of the results of a layer, [samples, size], that have passed its ReLU.
template <class T>
struct Upstream {
  const T* values;
  int size;

  /// The gradient at (i, j) of filter o before pooling, for a sample of the tile.
  __device__ T before_pool(const Layer<T>& layer, const Tile<T>& tile, int sample, int o, int i, int j) const {
    if (i < 0 || i >= layer.rows || j < 0 || j >= layer.cols) return 0;
    const int row = layer.pool ? i / 2 : i, col = layer.pool ? j / 2 : j;
    if (row >= layer.out_rows || col >= layer.out_cols) return 0;
    const int at = (o * layer.out_rows + row) * layer.out_cols + col;
    if (layer.pool && mask(layer, tile, sample, at) != i % 2 * 2 + j % 2) return 0;
    return values[sample * size + at];
  }
  __device__ int mask(const Layer<T>& layer, const Tile<T>& tile, int sample, int at) const {
    return tile.masks[(tile.row + sample) * tile.mask_size + layer.mask_at + at];
  }
};

/// What the gradient of a weight or bias is in this tile: put in the place of what was there, or added to it.
template <class T>
__device__ __forceinline__ void store_or_add(T* to, T value, bool add) {
  *to = add ? *to + value : value;
}

/// A warp for each weight of a convolution: its lanes go over the samples and results.
template <class T>
__device__ __forceinline__ void filter_weights(const Layer<T>& layer, const Tile<T>& tile, const Upstream<T>& dy,
                                               T* dweight, T* dbias, bool add) {
  const int plane = layer.out_rows * layer.out_cols, k = layer.kernel;
  const int64_t weights = layer.weights(), filter_weights = weights / layer.out;
  for_warps(weights + layer.out, [&](int64_t item, int lane) {
    const bool is_bias = item >= weights;
    if ((is_bias ? dbias : dweight) == nullptr) return;
    const int o = static_cast<int>(is_bias ? item - weights : item / filter_weights);
    const int tap = static_cast<int>(item % filter_weights), c = tap / (k * k), u = tap / k % k, v = tap % k;
    T sum = 0;
    for (int i = lane; i < tile.count * plane; i += 32) {
      const int sample = i / plane, at = o * plane + i % plane;
      const T gradient = dy.values[sample * dy.size + at];
      if (is_bias) {
        sum += gradient;
        continue;
      }
      int row = i % plane / layer.out_cols, col = i % layer.out_cols;
      if (layer.pool) {
        const int largest = dy.mask(layer, tile, sample, at);
        row = 2 * row + largest / 2, col = 2 * col + largest % 2;
      }
      row += u - layer.padding, col += v - layer.padding;
      if (row < 0 || row >= layer.in_rows || col < 0 || col >= layer.in_cols) continue;
      sum += gradient *
             tile.values[sample * tile.stride + layer.input_at + (c * layer.in_rows + row) * layer.in_cols + col];
    }
    sum = warp_reduce(sum, Sum());
    if (lane == 0) store_or_add(is_bias ? dbias + o : dweight + item, sum, add);
  });
}

template <class T>
__device__ __forceinline__ void linear_weights(const Layer<T>& layer, const Tile<T>& tile, const Upstream<T>& dy,
                                               T* dweight, T* dbias, bool add) {
  const int inputs = layer.in_size();
  for_threads(dweight == nullptr ? 0 : layer.weights(), [&](int64_t item) {
    const int o = static_cast<int>(item / inputs), f = static_cast<int>(item % inputs);
    T sum = 0;
    for (int s = 0; s < tile.count; ++s) {
      sum += dy.values[s * dy.size + o] * tile.values[s * tile.stride + layer.input_at + f];
    }
    store_or_add(dweight + item, sum, add);
  });
  for_threads(dbias == nullptr ? 0 : layer.out, [&](int64_t o) {
    T sum = 0;
    for (int s = 0; s < tile.count; ++s) sum += dy.values[s * dy.size + o];
    store_or_add(dbias + o, sum, add);
  });
}

/// store(sample, value number, gradient) for the inputs of a layer.
template <class T, class Store>
__device__ __forceinline__ void input_gradient(const Layer<T>& layer, const Tile<T>& tile, const T* weight,
                                               const Upstream<T>& dy, const Store& store) {
  const int size = layer.in_size(), k = layer.kernel, plane = layer.in_rows * layer.in_cols;
  for_threads(int64_t{tile.count} * size, [&](int64_t item) {
    const int sample = static_cast<int>(item / size), at = static_cast<int>(item % size);
    T sum = 0;
    if (k == 0) {
      for (int o = 0; o < layer.out; ++o) sum += dy.values[sample * dy.size + o] * weight[int64_t{o} * size + at];
    } else {
      const int c = at / plane, row = at % plane / layer.in_cols + layer.padding;
      const int col = at % layer.in_cols + layer.padding;
      for (int o = 0; o < layer.out; ++o) {
        const T* w = weight + (int64_t{o} * layer.in + c) * k * k;
        for (int u = 0; u < k; ++u) {
          for (int v = 0; v < k; ++v) sum += w[u * k + v] * dy.before_pool(layer, tile, sample, o, row - u, col - v);
        }
      }
    }
    store(sample, at, sum);
  });
}

}  // namespace divvy::kernels::cuda::stack
