#pragma once

#include <algorithm>
#include <cstdint>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"
#include "tensor/tensor.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// How a reduction of x [outer, reduce, inner] over the middle axis is cut into pieces: the reduced axis into chunks
/// and the inner one into blocks. The cut depends on the shape alone, so the order of addition does too.
struct ReduceTiles {
  static constexpr int64_t kElements = 16384;
  static constexpr int64_t kWidth = 512;

  /// Rows [row, row + rows) and columns [column, column + cols) of x[outer], all in one chunk.
  struct Piece {
    int64_t outer, chunk, row, rows, column, cols;
  };

  explicit ReduceTiles(const Shape& x)
      : outer(x[0]),
        reduce(x[1]),
        inner(x[2]),
        width(std::clamp<int64_t>(inner, 1, kWidth)),
        height(std::clamp<int64_t>(kElements / width, 1, std::max<int64_t>(reduce, 1))),
        chunks((reduce + height - 1) / height) {}

  /// Calls f(piece) for each piece, in parallel.
  template <class F>
  void for_pieces(const F& f) const {
    const int64_t blocks = (inner + width - 1) / width;
    parallel_tiles(outer * chunks * blocks, kElements / (width * height) + 1, [&](int64_t begin, int64_t end) {
      int64_t block = begin % blocks, chunk = begin / blocks % chunks, o = begin / blocks / chunks;
      for (int64_t i = begin; i < end; ++i) {
        const int64_t row = chunk * height, column = block * width;
        f(Piece{o, chunk, row, std::min(height, reduce - row), column, std::min(width, inner - column)});
        if (++block < blocks) continue;
        block = 0;
        if (++chunk < chunks) continue;
        chunk = 0;
        ++o;
      }
    });
  }

  /// Where a piece starts in x [outer, reduce, inner], where its results are in [outer, inner], and where its partial
  /// results are in [outer, chunks, inner].
  int64_t at(const Piece& p) const { return (p.outer * reduce + p.row) * inner + p.column; }
  int64_t reduced_at(const Piece& p) const { return p.outer * inner + p.column; }
  int64_t partial_at(const Piece& p) const { return (p.outer * chunks + p.chunk) * inner + p.column; }

  /// Calls f(i, partial results of i, their stride) for each i of [outer, inner], in parallel.
  template <class T, class F>
  void for_results(const T* partial, const F& f) const {
    parallel_tiles(outer * inner, kElements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        f(i, chunks == 1 ? partial + i : partial + i / inner * chunks * inner + i % inner, inner);
      }
    });
  }

  int64_t outer, reduce, inner;
  int64_t width, height;  ///< of a full piece, in columns and rows
  int64_t chunks;
};

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
