#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/instruction_set.h"
#include "kernels/cpu/product_code.h"

/// The one place where the CPU multiplies matrices. Every operation cuts its product into tiles of at most the sizes
/// below, which do not depend on the number of threads, and adds up the tiles of one result in the order of their
/// depth.
namespace divvy::kernels::cpu {

inline constexpr int64_t kTileRows = 256;
inline constexpr int64_t kTileCols = 256;

/// Multiplies matrices on the thread that calls it, with the code for an instruction set: by default the one in use
/// where the object is made, which tasks on other threads then share. T is float or double.
template <class T>
class Product {
 public:
  explicit Product(InstructionSet set = instruction_set());

  /// c = start + a b for a [rows, depth] and b [depth, cols], where the start is zero, a bias or c itself. c overlaps
  /// neither a nor b.
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
