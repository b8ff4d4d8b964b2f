#pragma once

#include <cstdint>

#include "kernels/cpu/simd/epilogue.h"
#include "kernels/cpu/small_stack/unit.h"

/// Convolutions of one tile, with the samples in the lanes: each pixel is a vector, each weight the same for all lanes.
/// V is Lanes<T>.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::stack {

/// Planes of vectors: element distances from one row and from one channel to the next.
template <class T>
struct Planes {
  T* data;
  int64_t row, plane;
  T* at(int64_t channel, int64_t i, int64_t j, int64_t lanes) const {
    return data + channel * plane + i * row + j * lanes;
  }
};

template <class T>
struct Convolution {
  Planes<const T> in;
  int64_t channels, filters;
  const T* weight;  ///< [filters, channels, K, K]
  const T* bias;    ///< [filters], or nullptr
  int64_t rows, cols;
  Planes<T> out;
  bool relu = false;
  Planes<const T> active = {nullptr, 0, 0};  ///< the result is zero where this is not positive
  uint16_t* masks = nullptr;                 ///< for pooling: two of each pooled value
};

/// A first layer whose lanes are neighboring pixels instead of samples, for the sets that have it: see
/// pixels.h.
template <class V>
struct PixelConvolution {
  static constexpr bool kAvailable = false;
};

/// The larger of a and b and whether it is b; the first one that is not a number, where the values may be such.
template <class V, bool Careful>
inline typename V::Vec larger(typename V::Vec a, typename V::Vec b, typename V::Mask& second) {
  second = V::greater(b, a);
  if constexpr (!Careful) {
    return V::max(a, b);
  } else {
    const auto keep_a = V::not_a_number(a), take_b = V::not_a_number(b);
    second = V::choose(keep_a, V::both(keep_a, V::invert(keep_a)), V::choose(take_b, take_b, second));
    return V::select(second, b, a);
  }
}

/// Results of `Filters` filters at R x C neighboring pixels: sum[f][r * C + c]. `in` is the upper left pixel that they
/// read. `fixed` are the weights as vectors, where there is one filter with one channel and they fit in registers.
template <class V, int K, int Filters, int R, int C, bool Fixed, class T>
inline __attribute__((always_inline)) void convolve(const T* in, const Convolution<T>& s, const T* weight,
                                                    const typename V::Vec* fixed, const typename V::Vec* start,
                                                    typename V::Vec (&sum)[Filters][R * C]) {
  using Vec = typename V::Vec;
#pragma GCC unroll 2
  for (int f = 0; f < Filters; ++f) {
#pragma GCC unroll 8
    for (int p = 0; p < R * C; ++p) sum[f][p] = start[f];
  }
  const int64_t channels = Fixed ? 1 : s.channels, pitch = channels * K * K;
  for (int64_t channel = 0; channel < channels; ++channel) {
    const T* plane = in + channel * s.in.plane;
    const T* w = weight + channel * K * K;
#pragma GCC unroll 6
    for (int y = 0; y < K + R - 1; ++y) {
      Vec value[K + C - 1];
#pragma GCC unroll 8
      for (int x = 0; x < K + C - 1; ++x) value[x] = V::load(plane + y * s.in.row + x * V::kCount);
#pragma GCC unroll 2
      for (int f = 0; f < Filters; ++f) {
#pragma GCC unroll 2
        for (int r = 0; r < R; ++r) {
          const int u = y - r;
          if (u < 0 || u >= K) continue;
#pragma GCC unroll 5
          for (int v = 0; v < K; ++v) {
            const Vec factor = Fixed ? fixed[u * K + v] : V::all(w[f * pitch + u * K + v]);
#pragma GCC unroll 4
            for (int c = 0; c < C; ++c) sum[f][r * C + c] = V::fma(factor, value[v + c], sum[f][r * C + c]);
          }
        }
      }
    }
  }
}

/// Pooled results of filters [f0, f0 + Filters) at `Windows` neighboring windows.
template <class V, int K, int Filters, int Windows, bool Fixed, bool Careful, class T>
inline __attribute__((always_inline)) void pool_windows(const T* in, const Convolution<T>& s, const T* weight,
                                                        const typename V::Vec* fixed, const typename V::Vec* start,
                                                        int64_t plane, T* out, uint16_t* masks) {
  using Vec = typename V::Vec;
  constexpr int C = 2 * Windows;
  Vec sum[Filters][2 * C];
  convolve<V, K, Filters, 2, C, Fixed>(in, s, weight, fixed, start, sum);
#pragma GCC unroll 2
  for (int f = 0; f < Filters; ++f) {
#pragma GCC unroll 2
    for (int n = 0; n < Windows; ++n) {
      typename V::Mask upper, lower, down;
      const Vec top = larger<V, Careful>(sum[f][2 * n], sum[f][2 * n + 1], upper);
      const Vec bottom = larger<V, Careful>(sum[f][C + 2 * n], sum[f][C + 2 * n + 1], lower);
      Vec most = larger<V, Careful>(top, bottom, down);
      if (s.relu) most = relu<T>(most);
      V::store(out + f * s.out.plane + n * V::kCount, most);
      uint16_t* to = masks + 2 * (f * plane + n);
      to[0] = V::bits(down);
      to[1] = V::bits(V::choose(down, lower, upper));
    }
  }
}

/// Pooled results of filters [f0, f0 + Filters).
template <class V, int K, int Filters, bool Fixed, bool Careful, class T>
void convolve_pool(const Convolution<T>& s, int64_t f0) {
  using Vec = typename V::Vec;
  // One filter at one window has too few sums for the multiply-adds that a core has in flight.
  constexpr int kWindows = V::kCount == 16 && Filters == 1 ? 2 : 1;
  const int64_t rows = s.rows / 2, cols = s.cols / 2;
  const T* weight = s.weight + f0 * s.channels * K * K;
  Vec fixed[Fixed ? K * K : 1], start[Filters];
  if constexpr (Fixed) {
#pragma GCC unroll 9
    for (int i = 0; i < K * K; ++i) fixed[i] = V::all(weight[i]);
  }
  for (int f = 0; f < Filters; ++f) start[f] = s.bias != nullptr ? V::all(s.bias[f0 + f]) : V::zero();
  for (int64_t i = 0; i < rows; ++i) {
    const T* in = s.in.at(0, 2 * i, 0, V::kCount);
    T* out = s.out.at(f0, i, 0, V::kCount);
    uint16_t* masks = s.masks + 2 * (f0 * rows + i) * cols;
    int64_t j = 0;
    for (; j + kWindows <= cols; j += kWindows) {
      pool_windows<V, K, Filters, kWindows, Fixed, Careful>(in + 2 * j * V::kCount, s, weight, fixed, start,
                                                            rows * cols, out + j * V::kCount, masks + 2 * j);
    }
    for (; j < cols; ++j) {
      pool_windows<V, K, Filters, 1, Fixed, Careful>(in + 2 * j * V::kCount, s, weight, fixed, start, rows * cols,
                                                     out + j * V::kCount, masks + 2 * j);
    }
  }
}

/// Results of filters [f0, f0 + Filters) at the pixels from (i, j) on, R x C of them.
template <class V, int K, int Filters, int R, int C, class T>
void convolve_pixels(const Convolution<T>& s, int64_t f0, int64_t i, int64_t j) {
  using Vec = typename V::Vec;
  Vec start[Filters], sum[Filters][R * C];
  for (int f = 0; f < Filters; ++f) start[f] = s.bias != nullptr ? V::all(s.bias[f0 + f]) : V::zero();
  convolve<V, K, Filters, R, C, false>(s.in.at(0, i, j, V::kCount), s, s.weight + f0 * s.channels * K * K, nullptr,
                                       start, sum);
  for (int f = 0; f < Filters; ++f) {
    for (int p = 0; p < R * C; ++p) {
      Vec result = sum[f][p];
      if (s.relu) result = relu<T>(result);
      if (s.active.data != nullptr) {
        const T* active = s.active.at(f0 + f, i + p / C, j + p % C, V::kCount);
        result = where_active<T>(result, V::load(active));
      }
      V::store(s.out.at(f0 + f, i + p / C, j + p % C, V::kCount), result);
    }
  }
}

template <class V, int K, int Filters, class T>
void convolve_all(const Convolution<T>& s, int64_t f0) {
  for (int64_t i = 0; i < s.rows; i += 2) {
    const bool two = i + 1 < s.rows;
    int64_t j = 0;
    for (; j + 1 < s.cols; j += 2) {
      two ? convolve_pixels<V, K, Filters, 2, 2>(s, f0, i, j) : convolve_pixels<V, K, Filters, 1, 2>(s, f0, i, j);
    }
    if (j < s.cols) {
      two ? convolve_pixels<V, K, Filters, 2, 1>(s, f0, i, j) : convolve_pixels<V, K, Filters, 1, 1>(s, f0, i, j);
    }
  }
}

template <class V, int K, class T>
void convolution(const Convolution<T>& s, bool pool, bool careful) {
  constexpr bool fits = K == 3 && V::kCount == 16;  // the nine weights stay in registers
  for (int64_t f = 0; f < s.filters;) {
    const bool two = f + 1 < s.filters;
    if (!pool) {
      two ? convolve_all<V, K, 2>(s, f) : convolve_all<V, K, 1>(s, f);
    } else if (careful) {
      two ? convolve_pool<V, K, 2, false, true>(s, f) : convolve_pool<V, K, 1, false, true>(s, f);
    } else if (two) {
      convolve_pool<V, K, 2, false, false>(s, f);
    } else if (fits && s.channels == 1) {
      convolve_pool<V, K, 1, fits, false>(s, f);
    } else {
      convolve_pool<V, K, 1, false, false>(s, f);
    }
    f += two ? 2 : 1;
  }
}

/// The patch that gave a pooled value: the part [u0, u0 + Rows) of its rows.
template <class V, int K, int Rows, class T>
inline __attribute__((always_inline)) void chosen_patch(const T* x, int64_t pitch, typename V::Mask down,
                                                        typename V::Mask right, typename V::Vec (&patch)[Rows][K]) {
  typename V::Vec above[K + 1];
#pragma GCC unroll 6
  for (int v = 0; v <= K; ++v) above[v] = V::load(x + v * V::kCount);
#pragma GCC unroll 3
  for (int u = 0; u < Rows; ++u) {
    typename V::Vec row[K + 1];
#pragma GCC unroll 6
    for (int v = 0; v <= K; ++v) {
      const typename V::Vec below = V::load(x + (u + 1) * pitch + v * V::kCount);
      row[v] = V::select(down, below, above[v]);
      above[v] = below;
    }
#pragma GCC unroll 5
    for (int v = 0; v < K; ++v) patch[u][v] = V::select(right, row[v + 1], row[v]);
  }
}

/// Adds to `sums`, vectors that are [K, K] and one more, what one filter and channel of a tile give to the gradients of
/// their weights and of the bias. dy are the gradients of the filter's (pooled) results.
template <class V, int K, bool Pool, class T>
void weight_gradient(Planes<const T> in, const T* dy, const uint16_t* masks, int64_t rows, int64_t cols, T* sums) {
  using Vec = typename V::Vec;
  constexpr int kRows = K == 3 ? 3 : 1;  // of the filter at a time, for the registers
  constexpr int kStep = Pool ? 2 : 1;
  for (int u0 = 0; u0 < K; u0 += kRows) {
    Vec sum[kRows][K], total = V::zero();
#pragma GCC unroll 3
    for (int u = 0; u < kRows; ++u) {
#pragma GCC unroll 5
      for (int v = 0; v < K; ++v) sum[u][v] = V::zero();
    }
    for (int64_t i = 0; i < rows; ++i) {
      const T* from = in.at(0, kStep * i + u0, 0, V::kCount);
      for (int64_t j = 0; j < cols; ++j) {
        const Vec gradient = V::load(dy + (i * cols + j) * V::kCount);
        total = V::add(total, gradient);
        const T* x = from + kStep * j * V::kCount;
        if constexpr (Pool) {
          const auto down = V::mask_of(masks[2 * (i * cols + j)]), right = V::mask_of(masks[2 * (i * cols + j) + 1]);
          Vec patch[kRows][K];
          chosen_patch<V, K, kRows>(x, in.row, down, right, patch);
#pragma GCC unroll 3
          for (int u = 0; u < kRows; ++u) {
#pragma GCC unroll 5
            for (int v = 0; v < K; ++v) sum[u][v] = V::fma(gradient, patch[u][v], sum[u][v]);
          }
        } else {
#pragma GCC unroll 3
          for (int u = 0; u < kRows; ++u) {
#pragma GCC unroll 5
            for (int v = 0; v < K; ++v) {
              sum[u][v] = V::fma(gradient, V::load(x + u * in.row + v * V::kCount), sum[u][v]);
            }
          }
        }
      }
    }
    for (int u = 0; u < kRows; ++u) {
      for (int v = 0; v < K; ++v) {
        T* to = sums + ((u0 + u) * K + v) * V::kCount;
        V::store(to, V::add(V::load(to), sum[u][v]));
      }
    }
    if (u0 == 0) V::store(sums + K * K * V::kCount, V::add(V::load(sums + K * K * V::kCount), total));
  }
}

/// The gradient before pooling, with zeros around it: planes of (rows + 2 border) x (cols + 2 border) in `out`.
template <class V, class T>
void spread(const StackLayer& layer, const T* dy, const uint16_t* masks, int64_t border, T* out) {
  const int64_t height = layer.rows + 2 * border, width = layer.cols + 2 * border;
  for (int64_t i = 0; i < layer.out * height * width; ++i) V::store(out + i * V::kCount, V::zero());
  const Planes<T> planes{out + (border * width + border) * V::kCount, width * V::kCount, height * width * V::kCount};
  int64_t index = 0;
  for (int64_t f = 0; f < layer.out; ++f) {
    for (int64_t i = 0; i < layer.out_rows; ++i) {
      for (int64_t j = 0; j < layer.out_cols; ++j, ++index) {
        const typename V::Vec gradient = V::load(dy + index * V::kCount);
        if (!layer.pool) {
          V::store(planes.at(f, i, j, V::kCount), gradient);
          continue;
        }
        const auto down = V::mask_of(masks[2 * index]), right = V::mask_of(masks[2 * index + 1]);
        const typename V::Vec lower = V::keep(down, gradient), upper = V::keep(V::invert(down), gradient);
        T* to = planes.at(f, 2 * i, 2 * j, V::kCount);
        V::store(to, V::keep(V::invert(right), upper));
        V::store(to + V::kCount, V::keep(right, upper));
        V::store(to + planes.row, V::keep(V::invert(right), lower));
        V::store(to + planes.row + V::kCount, V::keep(right, lower));
      }
    }
  }
}

}  // namespace divvy::kernels::DIVVY_TARGET::stack
DIVVY_TARGET_END;
