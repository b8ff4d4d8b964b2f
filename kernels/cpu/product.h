#pragma once

#include <algorithm>
#include <cstdint>

/// The one place where the CPU multiplies matrices. Every operation cuts its product into tiles of at most the sizes
/// below, which do not depend on the number of threads, and adds up the tiles of one result in the order of their
/// depth.
namespace divvy::kernels::cpu {

inline constexpr int64_t kTileRows = 128;
inline constexpr int64_t kTileCols = 256;
inline constexpr int64_t kTileDepth = 256;

/// A view of a row-major matrix with `stride` elements from one row to the next, to be read as its transpose or as it
/// is.
template <class T>
struct MatrixView {
  const T* data;
  int64_t stride;
  bool transposed = false;

  /// The part that starts at row i and column j of what is read.
  MatrixView at(int64_t i, int64_t j) const {
    return {data + (transposed ? j * stride + i : i * stride + j), stride, transposed};
  }
};

/// c[i, j] += sum_p a[i, p] b[p, j] on the calling thread, for i < m, j < n, p < depth; row i of c starts at c + i *
/// stride. c overlaps neither a nor b. T is float or double.
template <class T>
void add_product(int64_t m, int64_t n, int64_t depth, MatrixView<T> a, MatrixView<T> b, T* c, int64_t stride);

/// The number of tiles that cover `count`.
constexpr int64_t tiles_of(int64_t count, int64_t tile) { return (count + tile - 1) / tile; }

/// How many of the `units` parts of a product a task should take, given the multiplications of all of them together:
/// waking a thread for a few microseconds of work costs more than it saves, and far more where another program has the
/// core.
constexpr int64_t units_per_task(int64_t units, int64_t multiplications) {
  constexpr int64_t kEnough = 1 << 18;
  return std::max<int64_t>(1, kEnough / std::max<int64_t>(1, multiplications / std::max<int64_t>(1, units)));
}

/// Calls body(begin, size) for each tile of [0, count), in order.
template <class Body>
void for_tiles(int64_t count, int64_t tile, const Body& body) {
  for (int64_t begin = 0; begin < count; begin += tile) body(begin, std::min(tile, count - begin));
}

}  // namespace divvy::kernels::cpu
