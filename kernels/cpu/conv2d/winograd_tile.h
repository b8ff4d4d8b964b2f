#pragma once

#include "kernels/cpu/simd/vector.h"

/// The transforms of F(2 x 2, 3 x 3), with neighboring tiles in the lanes:
///
///     inputs  B^T d B,  B^T = 1  0 -1  0    outputs  A^T m A,  A^T = 1 1  1  0
///                             0  1  1  0                             0 1 -1 -1
///                             0 -1  1  0
///                             0  1  0 -1
///
/// Each is computed along one axis and then along the other. Along a row a tile begins two pixels after the one before,
/// so the pixels of even and of odd columns are taken apart (or put together) first; between rows, results for even and
/// for odd rows are kept apart, so that there the tiles of all rows are one long run of lanes.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::winograd {

/// Tiles of 2 x 2 output pixels: `rows` rows of `cols` of them, from row `first` on.
struct Tiles {
  int64_t first, rows, cols;
  int64_t count() const { return rows * cols; }
};

template <class T>
struct Transform {
  using V = Vector<T>;
  static constexpr int64_t kLanes = DIVVY_TARGET::kLanes<T>;

  /// Elements of a row of the padded plane, with what the last vectors of a row read beyond it.
  static int64_t pitch(const Tiles& t) { return 2 * ((t.cols + kLanes - 1) / kLanes + 1) * kLanes; }
  static int64_t padded(const Tiles& t) { return (2 * t.rows + 2) * pitch(t); }
  /// Results of a transform along rows for the even, or the odd, rows.
  static int64_t half(const Tiles& t) { return (t.rows + 1) * t.cols + 2 * kLanes; }
  /// Elements of the memory that each of the transforms works in.
  static int64_t space(const Tiles& t) { return padded(t) + 8 * half(t); }

  static V load_up_to(const T* from, int64_t n) {
    if (n >= kLanes) return load(from);
    return n > 0 ? load_part(from, n) : V{};
  }
  static void store_up_to(T* to, const V& v, int64_t n) {
    if (n >= kLanes) return store(to, v);
    if (n > 0) store_part(to, v, n);
  }

  /// The rows of the plane that the tiles read, with zeros around it.
  static void pad(const Tiles& t, const T* plane, int64_t height, int64_t width, int64_t padding, T* to) {
    const int64_t step = pitch(t), end = 2 * t.cols + 2;
    for (int64_t r = 0; r < 2 * t.rows + 2; ++r, to += step) {
      const int64_t row = 2 * t.first + r - padding;
      if (row < 0 || row >= height) {
        for (int64_t x = 0; x < end; x += kLanes) store(to + x, V{});
        continue;
      }
      const T* from = plane + row * width;
      for (int64_t x = 0; x < padding; ++x) to[x] = 0;
      for (int64_t x = 0; x < width; x += kLanes) {
        store_up_to(to + padding + x, load_up_to(from + x, width - x), width - x);
      }
      for (int64_t x = padding + width; x < end; ++x) to[x] = 0;
    }
  }

  /// Transforms the patches of 4 x 4 inputs of all tiles of a plane [height, width] with zeros around it. Of each of
  /// the 16 results, those of all tiles follow each other; the results lie `stride` elements apart.
  static void inputs(const Tiles& t, const T* plane, int64_t height, int64_t width, int64_t padding, T* space, T* to,
                     int64_t stride) {
    pad(t, plane, height, width, padding, space);
    T* const along = space + padded(t);
    const int64_t step = pitch(t), size = half(t);
    for (int64_t r = 0; r < 2 * t.rows + 2; ++r) {
      const T* from = space + r * step;
      T* row = along + r % 2 * size + r / 2 * t.cols;  // what is written beyond its end, the next row writes again
      for (int64_t x = 0; x < t.cols; x += kLanes, from += 2 * kLanes, row += kLanes) {
        const V a = load(from), b = load(from + kLanes), c = load(from + 2), d = load(from + kLanes + 2);
        const V d0 = even_lanes<T>(a, b), d1 = odd_lanes<T>(a, b), d2 = even_lanes<T>(c, d), d3 = odd_lanes<T>(c, d);
        store(row, d0 - d2);
        store(row + 2 * size, d1 + d2);
        store(row + 4 * size, d2 - d1);
        store(row + 6 * size, d1 - d3);
      }
    }
    const int64_t count = t.count();
    for (int64_t j = 0; j < 4; ++j) {
      const T *evens = along + 2 * j * size, *odds = evens + size;
      T* result = to + j * stride;
      for (int64_t i = 0; i < count; i += kLanes) {
        const V d0 = load(evens + i), d1 = load(odds + i), d2 = load(evens + i + t.cols), d3 = load(odds + i + t.cols);
        const int64_t left = count - i;
        store_up_to(result + i, d0 - d2, left);
        store_up_to(result + 4 * stride + i, d1 + d2, left);
        store_up_to(result + 8 * stride + i, d2 - d1, left);
        store_up_to(result + 12 * stride + i, d1 - d3, left);
      }
    }
  }

  /// The reverse for products of transformed inputs and filters: 2 x 2 outputs of each tile, plus a bias, into a plane
  /// [height, width]. May read a vector beyond what it uses.
  static void outputs(const Tiles& t, const T* from, int64_t stride, T bias, T* space, T* plane, int64_t height,
                      int64_t width) {
    T* const pixels = space + padded(t);
    const int64_t size = half(t), count = t.count();
    const V start = broadcast(bias);
    for (int64_t i = 0; i < count; i += kLanes) {
      V upper[4], lower[4];
#pragma GCC unroll 4
      for (int64_t j = 0; j < 4; ++j) {
        const T* m = from + j * stride + i;
        const V m0 = load(m), m1 = load(m + 4 * stride), m2 = load(m + 8 * stride), m3 = load(m + 12 * stride);
        upper[j] = m0 + m1 + m2;
        lower[j] = m1 - m2 - m3;
      }
      store(pixels + i, upper[0] + upper[1] + upper[2] + start);
      store(pixels + size + i, upper[1] - upper[2] - upper[3] + start);
      store(pixels + 2 * size + i, lower[0] + lower[1] + lower[2] + start);
      store(pixels + 3 * size + i, lower[1] - lower[2] - lower[3] + start);
    }
    for (int64_t r = 0; r < 2 * t.rows && 2 * t.first + r < height; ++r) {
      const T* row = pixels + r % 2 * 2 * size + r / 2 * t.cols;
      T* to = plane + (2 * t.first + r) * width;
      for (int64_t x = 0; x < t.cols; x += kLanes) {
        const V a = load(row + x), b = load(row + size + x);
        store_up_to(to + 2 * x, low_pairs<T>(a, b), width - 2 * x);
        store_up_to(to + 2 * x + kLanes, high_pairs<T>(a, b), width - 2 * x - kLanes);
      }
    }
  }

  /// The transpose of `outputs`, for a gradient [height, width] of them.
  static void upstream(const Tiles& t, const T* plane, int64_t height, int64_t width, T* space, T* to, int64_t stride) {
    T* const pixels = space + padded(t);
    const int64_t size = half(t), count = t.count();
    for (int64_t r = 0; r < 2 * t.rows; ++r) {
      const bool inside = 2 * t.first + r < height;
      const T* from = plane + (inside ? (2 * t.first + r) * width : 0);
      T* row = pixels + r % 2 * 2 * size + r / 2 * t.cols;
      for (int64_t x = 0; x < t.cols; x += kLanes) {
        const V a = inside ? load_up_to(from + 2 * x, width - 2 * x) : V{};
        const V b = inside ? load_up_to(from + 2 * x + kLanes, width - 2 * x - kLanes) : V{};
        store(row + x, even_lanes<T>(a, b));
        store(row + size + x, odd_lanes<T>(a, b));
      }
    }
    for (int64_t i = 0; i < count; i += kLanes) {
      const V y00 = load(pixels + i), y01 = load(pixels + size + i);
      const V y10 = load(pixels + 2 * size + i), y11 = load(pixels + 3 * size + i);
      const int64_t left = count - i;
      T* result = to + i;
      put_upstream(result, stride, y00, y01, left);
      put_upstream(result + 4 * stride, stride, y00 + y10, y01 + y11, left);
      put_upstream(result + 8 * stride, stride, y00 - y10, y01 - y11, left);
      put_upstream(result + 12 * stride, stride, -y10, -y11, left);
    }
  }
  static void put_upstream(T* to, int64_t stride, const V& a, const V& b, int64_t left) {
    store_up_to(to, a, left);
    store_up_to(to + stride, a + b, left);
    store_up_to(to + 2 * stride, a - b, left);
    store_up_to(to + 3 * stride, -b, left);
  }
};

}  // namespace divvy::kernels::DIVVY_TARGET::winograd
DIVVY_TARGET_END;
