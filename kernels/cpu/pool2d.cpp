#include "kernels/pool2d.h"

#include <algorithm>
#include <type_traits>

#include "kernels/cpu/simd/vector.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

struct PoolSizes {
  PoolSizes(const Shape& x, const Shape& y, PoolWindow window)
      : planes(x[0] * x[1]),
        height(x[2]),
        width(x[3]),
        out_height(y[2]),
        out_width(y[3]),
        kernel(window.kernel),
        stride(window.stride) {}

  int64_t planes, height, width, out_height, out_width, kernel, stride;

  int64_t plane() const { return height * width; }
  int64_t out_plane() const { return out_height * out_width; }
  bool pairs() const { return kernel == 2 && stride == 2; }
};

/// Calls f(begin, end) for tiles of planes, of about 16k pixels.
template <class F>
void for_planes(const PoolSizes& s, const F& f) {
  parallel_tiles(s.planes, std::max<int64_t>(1, 16384 / s.plane()), f);
}

/// Calls f(p, o) for the windows of a plane in order: the window's first pixel p and its output o, as offsets.
template <class F>
void for_windows(const PoolSizes& s, const F& f) {
  for (int64_t i = 0; i < s.out_height; ++i) {
    for (int64_t j = 0; j < s.out_width; ++j) f(i * s.stride * s.width + j * s.stride, i * s.out_width + j);
  }
}

/// Calls f(offset) for the pixels of a window in row-major order.
template <class F>
void for_pixels(const PoolSizes& s, int64_t first, const F& f) {
  for (int64_t u = 0; u < s.kernel; ++u) {
    for (int64_t v = 0; v < s.kernel; ++v) f(first + u * s.width + v);
  }
}

/// Values and vectors alike: the larger, or the NaN where there is one.
template <class V>
V larger(const V& a, const V& b) {
  return ((a > b) | (a != a)) ? a : b;
}

// Windows of 2 x 2 side by side, the usual ones, are computed for a vector of them at once: two vectors from each of
// two rows, of which the even and the odd lanes are the left and the right pixels. The last vector of a row of results
// may reach into the next row, which is then written over it; it may not reach past the tile's planes.

/// The four pixels of each of some windows side by side, in row-major order.
template <class V>
struct Quad {
  V pixel[4];
};

/// The quads of which `row` is the first pixel: one for V = T, a vector of them for V = Vector<T>.
template <class V, class T>
Quad<V> load_quads(const T* row, int64_t width) {
  if constexpr (std::is_same_v<V, T>) {
    return {{row[0], row[1], row[width], row[width + 1]}};
  } else {
    const T* lower = row + width;
    const V a0 = load(row), a1 = load(row + kLanes<T>), b0 = load(lower), b1 = load(lower + kLanes<T>);
    return {{even_lanes<T>(a0, a1), odd_lanes<T>(a0, a1), even_lanes<T>(b0, b1), odd_lanes<T>(b0, b1)}};
  }
}

/// y = reduce(quad) for the windows of the planes [begin, end).
template <class T, class Reduce>
void reduce_quads(const PoolSizes& s, const T* x, T* y, int64_t begin, int64_t end, const Reduce& reduce) {
  constexpr int64_t lanes = kLanes<T>;
  const T* const x_end = x + s.planes * s.plane();
  T* const y_end = y + end * s.out_plane();
  for (int64_t c = begin; c < end; ++c) {
    for (int64_t i = 0; i < s.out_height; ++i) {
      const T* from = x + c * s.plane() + 2 * i * s.width;
      T* to = y + c * s.out_plane() + i * s.out_width;
      int64_t j = 0;
      while (j < s.out_width && lanes <= y_end - (to + j) && 2 * lanes <= x_end - (from + s.width + 2 * j)) {
        store<T>(to + j, reduce(load_quads<Vector<T>>(from + 2 * j, s.width)));
        j += lanes;
      }
      for (; j < s.out_width; ++j) to[j] = reduce(load_quads<T>(from + 2 * j, s.width));
    }
  }
}

template <class T>
void store_quads(T* row, int64_t width, const Quad<Vector<T>>& q) {
  store<T>(row, low_pairs<T>(q.pixel[0], q.pixel[1]));
  store<T>(row + kLanes<T>, high_pairs<T>(q.pixel[0], q.pixel[1]));
  store<T>(row + width, low_pairs<T>(q.pixel[2], q.pixel[3]));
  store<T>(row + width + kLanes<T>, high_pairs<T>(q.pixel[2], q.pixel[3]));
}

template <class T>
void store_quad(T* row, int64_t width, const Quad<T>& q) {
  row[0] = q.pixel[0];
  row[1] = q.pixel[1];
  row[width] = q.pixel[2];
  row[width + 1] = q.pixel[3];
}

/// dx = spread(x, dy) for the windows of the planes [begin, end), where x points to the first pixel of a window or of a
/// vector of them; 0 outside of the windows.
template <class T, class Spread>
void spread_quads(const PoolSizes& s, const T* x, const T* dy, T* dx, int64_t begin, int64_t end,
                  const Spread& spread) {
  constexpr int64_t lanes = kLanes<T>;
  const T* const x_end = x + s.planes * s.plane();
  const T* const dy_end = dy + s.planes * s.out_plane();
  T* const dx_end = dx + end * s.plane();
  const int64_t whole = s.out_width / lanes * lanes;
  for (int64_t c = begin; c < end; ++c) {
    for (int64_t i = 0; i < s.out_height; ++i) {
      const int64_t at = c * s.plane() + 2 * i * s.width;
      const T *from = x + at, *upstream = dy + c * s.out_plane() + i * s.out_width;
      T* to = dx + at;
      const auto vector_at = [&](int64_t j) {
        store_quads(to + 2 * j, s.width, spread(from + 2 * j, load(upstream + j)));
      };
      // The part of a vector first: what it writes past the upper row is the start of the lower one.
      if (whole < s.out_width) {
        const int64_t reach = s.width + 2 * whole + 2 * lanes;
        if (reach <= dx_end - to && reach <= x_end - from && whole + lanes <= dy_end - upstream) {
          vector_at(whole);
        } else {
          for (int64_t j = whole; j < s.out_width; ++j) {
            store_quad(to + 2 * j, s.width, spread(from + 2 * j, upstream[j]));
          }
        }
      }
      for (int64_t j = 0; j < whole; j += lanes) vector_at(j);
      if (s.width % 2 != 0) to[s.width - 1] = to[2 * s.width - 1] = 0;
    }
    if (s.height % 2 != 0) std::fill_n(dx + (c + 1) * s.plane() - s.width, s.width, T(0));
  }
}

}  // namespace

void max_pool2d(const Tensor& x, PoolWindow window, Tensor& y) {
  if (y.numel() == 0) return;
  const PoolSizes s(x.shape(), y.shape(), window);
  visit_floating("max_pool2d", x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    for_planes(s, [&](int64_t begin, int64_t end) {
      if (s.pairs()) {
        return reduce_quads(s, in, out, begin, end, [](const auto& q) {
          return larger(larger(q.pixel[0], q.pixel[1]), larger(q.pixel[2], q.pixel[3]));
        });
      }
      for (int64_t c = begin; c < end; ++c) {
        const T* from = in + c * s.plane();
        T* to = out + c * s.out_plane();
        for_windows(s, [&](int64_t first, int64_t o) {
          T largest = from[first];
          for_pixels(s, first, [&](int64_t p) { largest = larger(largest, from[p]); });
          to[o] = largest;
        });
      }
    });
  });
}

void max_pool2d_backward(const Tensor& x, const Tensor& dy, PoolWindow window, Tensor& dx) {
  if (x.numel() == 0) return;
  const PoolSizes s(x.shape(), dy.shape(), window);
  visit_floating("max_pool2d_backward", x.dtype(), [&]<class T>() {
    const T *in = x.data<T>(), *upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    for_planes(s, [&](int64_t begin, int64_t end) {
      if (s.pairs()) {
        return spread_quads(s, in, upstream, out, begin, end, [&]<class V>(const T* first, const V& d) {
          const Quad<V> quad = load_quads<V>(first, s.width);
          const auto& p = quad.pixel;
          const V largest = larger(larger(p[0], p[1]), larger(p[2], p[3])), zero = {};
          // The first that is the largest; a NaN equals nothing, but then only NaNs are.
          const auto is0 = (p[0] == largest) | (p[0] != p[0]);
          const auto is1 = (p[1] == largest) | (p[1] != p[1]);
          const auto is2 = (p[2] == largest) | (p[2] != p[2]);
          const V from1 = is0 ? zero : d, from2 = is1 ? zero : from1, from3 = is2 ? zero : from2;
          return Quad<V>{{is0 ? d : zero, is1 ? from1 : zero, is2 ? from2 : zero, from3}};
        });
      }
      std::fill(out + begin * s.plane(), out + end * s.plane(), T(0));
      for (int64_t c = begin; c < end; ++c) {
        const T *from = in + c * s.plane(), *d = upstream + c * s.out_plane();
        T* to = out + c * s.plane();
        for_windows(s, [&](int64_t first, int64_t o) {
          int64_t largest = first;
          for_pixels(s, first, [&](int64_t p) {
            const bool nan = from[p] != from[p], nan_before = from[largest] != from[largest];
            if (from[p] > from[largest] || (nan && !nan_before)) largest = p;
          });
          to[largest] += d[o];
        });
      }
    });
  });
}

void avg_pool2d(const Tensor& x, PoolWindow window, Tensor& y) {
  if (y.numel() == 0) return;
  const PoolSizes s(x.shape(), y.shape(), window);
  visit_floating("avg_pool2d", x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T share = T(1) / static_cast<T>(s.kernel * s.kernel);
    for_planes(s, [&](int64_t begin, int64_t end) {
      if (s.pairs()) {
        return reduce_quads(s, in, out, begin, end,
                            [=](const auto& q) { return (q.pixel[0] + q.pixel[1] + q.pixel[2] + q.pixel[3]) * share; });
      }
      for (int64_t c = begin; c < end; ++c) {
        const T* from = in + c * s.plane();
        T* to = out + c * s.out_plane();
        for_windows(s, [&](int64_t first, int64_t o) {
          T sum = 0;
          for_pixels(s, first, [&](int64_t p) { sum += from[p]; });
          to[o] = sum * share;
        });
      }
    });
  });
}

void avg_pool2d_backward(const Tensor& dy, PoolWindow window, Tensor& dx) {
  if (dx.numel() == 0) return;
  const PoolSizes s(dx.shape(), dy.shape(), window);
  visit_floating("avg_pool2d_backward", dx.dtype(), [&]<class T>() {
    const T* upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    const T share = T(1) / static_cast<T>(s.kernel * s.kernel);
    for_planes(s, [&](int64_t begin, int64_t end) {
      if (s.pairs()) {
        return spread_quads<T>(s, out, upstream, out, begin, end, [=]<class V>(const T*, const V& d) {
          const V part = d * share;
          return Quad<V>{{part, part, part, part}};
        });
      }
      std::fill(out + begin * s.plane(), out + end * s.plane(), T(0));
      for (int64_t c = begin; c < end; ++c) {
        const T* d = upstream + c * s.out_plane();
        T* to = out + c * s.plane();
        for_windows(s, [&](int64_t first, int64_t o) {
          const T part = d[o] * share;
          for_pixels(s, first, [&](int64_t p) { to[p] += part; });
        });
      }
    });
  });
}

void global_avg_pool2d(const Tensor& x, Tensor& y) {
  if (y.numel() == 0) return;
  visit_floating("global_avg_pool2d", x.dtype(), [&]<class T>() {
    const int64_t plane = x.numel() / y.numel();
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    parallel_tiles(y.numel(), std::max<int64_t>(1, 16384 / plane), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) {
        const T* from = in + c * plane;
        Vector<T> sums{};
        int64_t p = 0;
        for (; p + kLanes<T> <= plane; p += kLanes<T>) sums += load(from + p);
        T sum = sum_lanes<T>(sums);
        for (; p < plane; ++p) sum += from[p];
        out[c] = sum / static_cast<T>(plane);
      }
    });
  });
}

void global_avg_pool2d_backward(const Tensor& dy, Tensor& dx) {
  if (dy.numel() == 0) return;
  visit_floating("global_avg_pool2d_backward", dx.dtype(), [&]<class T>() {
    const int64_t plane = dx.numel() / dy.numel();
    const T* upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    parallel_tiles(dy.numel(), std::max<int64_t>(1, 16384 / plane), [&](int64_t begin, int64_t end) {
      for (int64_t c = begin; c < end; ++c) std::fill_n(out + c * plane, plane, upstream[c] / static_cast<T>(plane));
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
