#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/product/code.h"
#include "kernels/precision.h"

/// The one place where the CPU multiplies matrices. Every operation cuts its product into tiles, whose sizes do not
/// depend on the number of threads; how rows and columns are cut does not change a bit of the result.
namespace divvy::kernels::cpu {

inline constexpr int64_t kTileRows = 256;
inline constexpr int64_t kTileCols = 256;

/// Columns of a tile where there are `others` tiles in other directions: more than kTileCols if enough work remains for
/// every core, since what a tile packs and fetches for its first columns serves all of them.
constexpr int64_t wide_tile(int64_t cols, int64_t others) {
  constexpr int64_t kUnits = 32;
  int64_t tile = 4 * kTileCols;
  while (tile > kTileCols && others * ((cols + tile - 1) / tile) < kUnits) tile /= 2;
  return tile;
}

/// Multiplies matrices on the calling thread, with the code for the instruction set that is active when the object is
/// made and, in f32, for a precision; tasks on other threads share the object. T is float or double.
template <class T>
class Product {
 public:
  explicit Product(Precision precision);
  explicit Product(const ProductCode<T>& code) : code_(&code) {}

  /// c = start + a b for a [rows, depth] and b [depth, cols], where the start is zero, a bias or c itself; then perhaps
  /// the larger of it and zero, or zero where another matrix is not positive. c overlaps neither a nor b.
  void operator()(int64_t rows, int64_t cols, int64_t depth, const MatrixView<T>& a, const MatrixView<T>& b,
                  const ProductResult<T>& c) const;

 private:
  const ProductCode<T>* code_;
};

/// The number of tiles that cover `count`.
constexpr int64_t tiles_of(int64_t count, int64_t tile) { return (count + tile - 1) / tile; }

/// How many of the `units` parts of a product a task should take, given the multiplications of all of them together:
/// waking a thread for a few microseconds of work costs more than it saves, and far more where another program has the
/// core.
constexpr int64_t units_per_task(int64_t units, int64_t multiplications) {
  constexpr int64_t kEnough = 1 << 18;
  return std::max<int64_t>(1, kEnough / std::max<int64_t>(1, multiplications / std::max<int64_t>(1, units)));
}

}  // namespace divvy::kernels::cpu
