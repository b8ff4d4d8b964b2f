#pragma once

#include <cstdint>

#include "kernels/epilogue.h"

/// What product.cpp hands to the code of one instruction set (tile.h).
namespace divvy::kernels::cpu {

/// A row-major matrix in memory, read as it is or as its transpose. Row r of memory starts at data + r * stride, or,
/// where there is an index, at data + index[r] * stride: so rows are gathered while they are read.
template <class T>
struct MatrixView {
  const T* data;
  int64_t stride;
  bool transposed = false;
  const int64_t* index = nullptr;

  /// The part that starts at row i and column j of what is read.
  MatrixView at(int64_t i, int64_t j) const {
    const int64_t row = transposed ? j : i, col = transposed ? i : j;
    if (index != nullptr) return {data + col, stride, transposed, index + row};
    return {data + row * stride + col, stride, transposed, nullptr};
  }
};

/// Where a product goes: row i starts at data + i * stride.
template <class T>
struct ProductResult {
  T* data;
  int64_t stride;
  bool add = false;  ///< to what is there; then there is no bias
  Epilogue<T> epilogue = {};

  /// The part that starts at row i and column j.
  ProductResult at(int64_t i, int64_t j) const { return {data + i * stride + j, stride, add, epilogue.at(i, j)}; }
};

/// One block of the depth of a product, on the calling thread.
template <class T>
struct ProductBlock {
  int64_t rows, cols, depth;
  MatrixView<T> a, b;
  ProductResult<T> result;
  T *left_space, *right_space;  ///< aligned to 64 bytes
  MatrixView<T> next;           ///< the a of the block that comes next, if that is transposed, to be fetched meanwhile
  int64_t next_rows = 0, next_depth = 0;
};

template <class T>
struct ProductCode {
  int64_t tile_rows, tile_cols;
  int64_t depth;    ///< that is summed in one go: a packed panel of b stays in the first cache while all rows pass it
  bool packs_left;  ///< also where a is not transposed
  void (*multiply)(const ProductBlock<T>&);

  /// Elements of the memory in which a block packs its operands.
  int64_t left_space(int64_t rows, int64_t depth) const { return (rows + 15) / 16 * 16 * ((depth + 31) / 32 * 32); }
  int64_t right_space(int64_t depth) const { return tile_cols * depth; }
};

}  // namespace divvy::kernels::cpu

/// The code of each instruction set, for f32 and f64; and, for f32 matrices whose elements are rounded to bf16, that of
/// each unit that multiplies such.
#define DIVVY_PRODUCT_CODE(set)              \
  namespace divvy::kernels::set {            \
  template <class T>                         \
  const cpu::ProductCode<T>& product_code(); \
  }                                          \
  static_assert(true)
DIVVY_PRODUCT_CODE(plain);
DIVVY_PRODUCT_CODE(avx2);
DIVVY_PRODUCT_CODE(avx512);
DIVVY_PRODUCT_CODE(avx512_bf16);
DIVVY_PRODUCT_CODE(amx);
#undef DIVVY_PRODUCT_CODE
