#pragma once

#include "kernels/cpu/product/code.h"
#include "kernels/cpu/simd/epilogue.h"

/// The product of f32 matrices whose elements are rounded to bf16 while they are packed, with sums in f32. Both
/// operands are packed in squares of 1 KiB, which hold 32 steps of the depth:
///
///     a  16 rows of 32 neighboring steps          [rows / 16][depth / 32][16][32]
///     b  16 pairs of steps, of 16 columns each     [cols / 16][depth / 32][16][16][2]
///
/// with zeros where a square reaches past the matrix. `Unit` multiplies squares: those of AMX are its tiles, and
/// AVX512_BF16 multiplies a pair of a row with 16 pairs of b. How rows and columns are cut changes no bit.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

template <class Unit>
struct Bf16Tile {
  using V = Vector<float>;
  using Bits = uint16_t;
  static constexpr int64_t kSide = 16, kSteps = 32, kSquare = kSide * kSteps, kRows = 2 * kSide, kCols = 2 * kSide;

  static int64_t squares(int64_t depth) { return (depth + kSteps - 1) / kSteps; }
  static const float* row(const MatrixView<float>& m, int64_t r) {
    return m.data + (m.index != nullptr ? m.index[r] : r) * m.stride;
  }
  static V load_up_to(const float* from, int64_t n) {
    if (n >= kSide) return load(from);
    return n > 0 ? load_part(from, n) : V{};
  }
  /// The elements of `low` and behind them those of `high`, rounded as by bf16(float), except that the instruction
  /// takes numbers below the normal range for zeros.
  static __m512i rounded(const V& low, const V& high) {
    return (__m512i)_mm512_cvtne2ps_pbh((__m512)high, (__m512)low);
  }
  static void store(Bits* to, const __m512i& v) { _mm512_storeu_si512(to, v); }

  /// A square of rows that lie in memory as they are: 32 steps of `lines` of them, `depth` of which there are.
  static void read_rows(const float* const* from, int64_t lines, int64_t step, int64_t depth, V* square) {
    for (int64_t i = 0; i < kSide; ++i) {
      const float* line = i < lines ? from[i] + step : nullptr;
      const int64_t left = i < lines ? depth - step : 0;
      square[i] = (V)rounded(load_up_to(line, left), load_up_to(left > kSide ? line + kSide : line, left - kSide));
    }
  }
  /// A square of pairs: 32 steps that are lines of memory, of `count` neighboring elements.
  static void read_pairs(const MatrixView<float>& m, int64_t step, int64_t depth, int64_t first, int64_t count,
                         V* square) {
    const __m512i pairs = _mm512_set_epi16(31, 15, 30, 14, 29, 13, 28, 12, 27, 11, 26, 10, 25, 9, 24, 8, 23, 7, 22, 6,
                                           21, 5, 20, 4, 19, 3, 18, 2, 17, 1, 16, 0);
    for (int64_t q = 0; q < kSide; ++q, step += 2) {
      const V even = step < depth ? load_up_to(row(m, step) + first, count) : V{};
      const V odd = step + 1 < depth ? load_up_to(row(m, step + 1) + first, count) : V{};
      square[q] = (V)_mm512_permutexvar_epi16(pairs, rounded(even, odd));
    }
  }
  static void put(const V* square, Bits* to) {
    for (int64_t i = 0; i < kSide; ++i) store(to + i * kSteps, (__m512i)square[i]);
  }

  /// 16 rows (of a) or columns (of b) from `first` on, as rows of memory.
  static void pointers(const MatrixView<float>& m, int64_t first, int64_t count, const float** to) {
    for (int64_t i = 0; i < count; ++i) to[i] = row(m, first + i);
  }

  static void pack_left(const ProductBlock<float>& block, int64_t first, Bits* to) {
    const int64_t count = block.rows - first < kSide ? block.rows - first : kSide;
    const float* lines[kSide];
    if (!block.a.transposed) pointers(block.a, first, count, lines);
    for (int64_t step = 0; step < block.depth; step += kSteps, to += kSquare) {
      V square[kSide];
      if (block.a.transposed) {
        read_pairs(block.a, step, block.depth, first, count, square);
        transpose<float>(square);  // a pair is as wide as an f32
      } else {
        read_rows(lines, count, step, block.depth, square);
      }
      put(square, to);
    }
  }

  static void pack_right(const ProductBlock<float>& block, int64_t first, Bits* to) {
    const int64_t count = block.cols - first < kSide ? block.cols - first : kSide;
    const float* lines[kSide];
    if (block.b.transposed) pointers(block.b, first, count, lines);
    for (int64_t step = 0; step < block.depth; step += kSteps, to += kSquare) {
      V square[kSide];
      if (block.b.transposed) {
        read_rows(lines, count, step, block.depth, square);
        transpose<float>(square);
      } else {
        read_pairs(block.b, step, block.depth, first, count, square);
      }
      put(square, to);
    }
  }

  /// Adds the sums [16][16] of a square of the result to where it starts from, and stores them.
  static void finish(const ProductResult<float>& result, int64_t rows, int64_t cols, const float* sums) {
    const Epilogue<float>& e = result.epilogue;
    const V start = e.bias != nullptr ? load_up_to(e.bias, cols) : V{};
    for (int64_t i = 0; i < rows; ++i) {
      float* to = result.data + i * result.stride;
      V v = (result.add ? load_up_to(to, cols) : start) + load(sums + i * kSide);
      if (e.relu) v = relu<float>(v);
      if (e.active != nullptr) v = where_active<float>(v, load_up_to(e.active + i * e.active_stride, cols));
      cols >= kSide ? DIVVY_TARGET::store(to, v) : store_part(to, v, cols);
    }
  }

  /// Asks for what will be packed of b for the two strips of columns from `col` on: part `part` of `parts`.
  static void prefetch_right(const ProductBlock<float>& block, int64_t col, int64_t part, int64_t parts) {
    if (col >= block.cols) return;
    const int64_t cols = block.cols - col < kCols ? block.cols - col : kCols;
    const int64_t lines = block.b.transposed ? cols : block.depth, length = block.b.transposed ? block.depth : cols;
    const int64_t first = block.b.transposed ? col : 0, start = block.b.transposed ? 0 : col;
    for (int64_t i = lines * part / parts; i < lines * (part + 1) / parts; ++i) {
      const float* line = row(block.b, first + i) + start;
      for (int64_t j = 0; j < length; j += kSide) __builtin_prefetch(line + j, 0, 2);
    }
  }

  template <int M, int N>
  static void tile(const ProductBlock<float>& block, int64_t row, int64_t col, const Bits* left, const Bits* right) {
    alignas(64) float sums[M * N][kSide * kSide];
    const int64_t count = squares(block.depth);
    // What is stored at last is rarely in the first cache.
    const ProductResult<float>& to = block.result;
    for (int64_t i = row; i < block.rows && i < row + M * kSide; ++i) {
      for (int64_t j = 0; j < N; ++j) {
        __builtin_prefetch(to.data + i * to.stride + col + j * kSide, 1);
        if (to.epilogue.active != nullptr) {
          __builtin_prefetch(to.epilogue.active + i * to.epilogue.active_stride + col + j * kSide);
        }
      }
    }
    Unit::template multiply<M, N>(count, left, right, sums);
    for (int64_t i = 0; i < M; ++i) {
      for (int64_t j = 0; j < N; ++j) {
        const int64_t r = row + i * kSide, c = col + j * kSide;
        finish(block.result.at(r, c), block.rows - r < kSide ? block.rows - r : kSide,
               block.cols - c < kSide ? block.cols - c : kSide, sums[i * N + j]);
      }
    }
  }

  static void multiply(const ProductBlock<float>& block) {
    const int64_t strip = squares(block.depth) * kSquare;
    auto* const left = reinterpret_cast<Bits*>(block.left_space);
    auto* const right = reinterpret_cast<Bits*>(block.right_space);
    for (int64_t row = 0; row < block.rows; row += kSide) pack_left(block, row, left + row / kSide * strip);
    [[maybe_unused]] const typename Unit::Use use;
    for (int64_t col = 0; col < block.cols; col += kCols) {
      const bool wide = block.cols - col > kSide;
      pack_right(block, col, right);
      if (wide) pack_right(block, col + kSide, right + strip);
      const int64_t parts = (block.rows + kRows - 1) / kRows;
      for (int64_t row = 0; row < block.rows; row += kRows) {
        prefetch_right(block, col + kCols, row / kRows, parts);
        const Bits* a = left + row / kSide * strip;
        const bool tall = block.rows - row > kSide;
        if (tall) {
          wide ? tile<2, 2>(block, row, col, a, right) : tile<2, 1>(block, row, col, a, right);
        } else {
          wide ? tile<1, 2>(block, row, col, a, right) : tile<1, 1>(block, row, col, a, right);
        }
      }
    }
  }

  static constexpr ProductCode<float> code() { return {kRows, kCols, 512, true, &multiply}; }
};

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
