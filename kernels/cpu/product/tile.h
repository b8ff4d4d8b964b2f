#pragma once

#include "kernels/cpu/product/code.h"
#include "kernels/cpu/simd/epilogue.h"

/// The product of matrices for one instruction set. A tile of the result, as large as the registers allow, is summed
/// over the whole depth: for each step of the depth, one vector load a column of the tile and one broadcast a row. The
/// columns of b are packed as [cols / tile_cols][depth][tile_cols], so that these loads are consecutive; the rows of a
/// are read where they lie, or, if a is transposed, packed as [rows / tile_rows][depth][tile_rows].
///
/// Every element of the result is a chain of multiply-adds in the order of the depth, whatever the tile it lies in.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

template <class T>
struct ProductTile {
  using V = Vector<T>;
  static constexpr int64_t kLanes = DIVVY_TARGET::kLanes<T>, kCols = 2 * kLanes;
  static constexpr int64_t kRows = kVectorBytes == 64 ? 12 : kVectorBytes == 32 ? 6 : 4;

  static constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));

  /// Row r of a matrix as it lies in memory.
  static const T* row(const MatrixView<T>& m, int64_t r) {
    return m.data + (m.index != nullptr ? m.index[r] : r) * m.stride;
  }
  static void prefetch(const T* from, int64_t count) {
    for (int64_t i = 0; i < count; i += kLine) __builtin_prefetch(from + i, 0, 2);
  }

  /// Part of a row of the result.
  struct Target : ProductResult<T> {
    int64_t cols;  ///< of the tile, up to its vectors' lanes
    const T* active_at(int i, int j) const {
      return this->epilogue.active + i * this->epilogue.active_stride + j * kLanes;
    }
  };

  /// Rows of a where they lie.
  template <int M>
  struct InPlace {
    const T* row[M];
    InPlace(const MatrixView<T>& a, int64_t first) {
      for (int i = 0; i < M; ++i) row[i] = ProductTile::row(a, first + i);
    }
    T operator()(int i, int64_t p) const { return row[i][p]; }
  };
  /// Rows of a packed as [depth][M].
  template <int M>
  struct Packed {
    const T* data;
    T operator()(int i, int64_t p) const { return data[p * M + i]; }
  };

  template <int M, int N, class Left>
  static void tile(int64_t depth, const Left a, const T* b, const Target to) {
    // The result is rarely in the first cache; stores that wait for it hold up the loads of the tiles behind them.
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < N; ++j) __builtin_prefetch(to.data + i * to.stride + j * kLanes, 1);
    }
    if (to.epilogue.active != nullptr) {
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
        for (int j = 0; j < N; ++j) __builtin_prefetch(to.active_at(i, j));
      }
    }
    V sum[M][N];
#pragma GCC unroll 16
    for (int i = 0; i < M; ++i) {
#pragma GCC unroll 2
      for (int j = 0; j < N; ++j) sum[i][j] = V{};
    }
#pragma GCC unroll 4
    for (int64_t p = 0; p < depth; ++p) {
      V right[N];
#pragma GCC unroll 2
      for (int j = 0; j < N; ++j) right[j] = load(b + (p * N + j) * kLanes);
#pragma GCC unroll 16
      for (int i = 0; i < M; ++i) {
        const V left = broadcast<T>(a(i, p));
#pragma GCC unroll 2
        for (int j = 0; j < N; ++j) sum[i][j] += left * right[j];
      }
    }
    if (to.epilogue.relu) {
      put<M, N, Finish::relu>(sum, to);
    } else if (to.epilogue.active != nullptr) {
      put<M, N, Finish::where_active>(sum, to);
    } else {
      put<M, N, Finish::none>(sum, to);
    }
  }

  /// Stores a tile of sums, each with its start.
  template <int M, int N, Finish finish>
  static void put(const V (&sum)[M][N], const Target& to) {
#pragma GCC unroll 2
    for (int j = 0; j < N; ++j) {
      const int64_t cols = to.cols - j * kLanes;
      T* c = to.data + j * kLanes;
      if (cols >= kLanes) {
        const V start = to.epilogue.bias != nullptr ? load(to.epilogue.bias + j * kLanes) : V{};
#pragma GCC unroll 16
        for (int i = 0; i < M; ++i, c += to.stride) {
          const V v = (to.add ? load(c) : start) + sum[i][j];
          store(c, finished<finish, T>(v, [&to, i, j] { return load(to.active_at(i, j)); }));
        }
      } else {
        const V start = to.epilogue.bias != nullptr ? load_part(to.epilogue.bias + j * kLanes, cols) : V{};
#pragma GCC unroll 16
        for (int i = 0; i < M; ++i, c += to.stride) {
          const V v = (to.add ? load_part(c, cols) : start) + sum[i][j];
          store_part(c, finished<finish, T>(v, [&to, i, j, cols] { return load_part(to.active_at(i, j), cols); }),
                     cols);
        }
      }
    }
  }

  using TileOf = void (*)(const ProductBlock<T>&, const T* packed, int64_t row, const T* b, const Target&);

  template <int M, int N>
  static void tile_of(const ProductBlock<T>& block, const T* packed, int64_t row, const T* b, const Target& to) {
    if (packed != nullptr) {
      tile<M, N>(block.depth, Packed<M>{packed}, b, to);
    } else {
      tile<M, N>(block.depth, InPlace<M>(block.a, row), b, to);
    }
  }

  template <int N, size_t... M>
  static TileOf choose(int64_t rows, std::index_sequence<M...>) {
    static constexpr TileOf tiles[] = {&tile_of<static_cast<int>(M) + 1, N>...};
    return tiles[rows - 1];
  }
  static TileOf choose(int64_t rows, bool narrow) {
    using All = std::make_index_sequence<static_cast<size_t>(kRows)>;
    return narrow ? choose<1>(rows, All{}) : choose<2>(rows, All{});
  }

  /// `size` things divided evenly: part i has those of [first(i), first(i + 1)).
  struct Parts {
    Parts(int64_t size, int64_t parts) : count(parts), least(size / parts), longer(size - least * parts) {}
    int64_t first(int64_t i) const { return i * least + (i < longer ? i : longer); }
    int64_t count, least, longer;
  };

  /// The rows of a transposed a, tile after tile, a few steps of the depth at a time: so each cache line of a is read
  /// and each of the tiles written nearly at once.
  static void pack_left(const ProductBlock<T>& block, const Parts& tiles, T* to) {
    constexpr int64_t kSteps = 8;
    for (int64_t p = 0; p < block.depth; p += kSteps) {
      const int64_t end = p + kSteps < block.depth ? p + kSteps : block.depth;
      for (int64_t q = end; q < end + kSteps && q < block.depth; ++q) prefetch(row(block.a, q), block.rows);
      for (int64_t t = 0; t < tiles.count; ++t) {
        const int64_t first = tiles.first(t), rows = tiles.first(t + 1) - first;
        for (int64_t q = p; q < end; ++q) pack_left_row(block, first, rows, q, to + first * block.depth + q * rows);
      }
    }
  }
  static void pack_left_row(const ProductBlock<T>& block, int64_t first, int64_t rows, int64_t p, T* to) {
    const T* from = row(block.a, p) + first;
    for (int64_t i = 0; i < rows; i += kLanes) {
      // What is stored beyond the tile's rows is overwritten by the next steps of the depth; beyond the last step there
      // is another tile, and beyond the last row of memory nothing that may be read.
      const int64_t readable = block.rows - first - i, room = (block.depth - p) * rows - i;
      const V v = readable >= kLanes ? load(from + i) : load_part(from + i, readable);
      if (room >= kLanes) {
        store(to + i, v);
      } else {
        store_part(to + i, v, rows - i < kLanes ? rows - i : kLanes);
      }
    }
  }

  /// Columns [col, col + cols) of b as [depth][N vectors], with zeros behind the last column.
  template <int N>
  static void pack_right(const ProductBlock<T>& block, int64_t col, int64_t cols, T* to) {
    const MatrixView<T>& b = block.b;
    for (int64_t p = 0; p < block.depth; ++p) {
      const T* from = row(b, p) + col;
      for (int64_t j = 0; j < N; ++j, to += kLanes) {
        const int64_t left = cols - j * kLanes;
        store(to, left >= kLanes ? load(from + j * kLanes) : load_part(from + j * kLanes, left));
      }
    }
  }

  template <int N>
  static void pack_right_transposed(const ProductBlock<T>& block, int64_t col, int64_t cols, T* to) {
    const MatrixView<T>& b = block.b;
    for (int64_t j = 0; j < N; ++j) {
      const T* from[kLanes];
      const int64_t used = cols - j * kLanes < kLanes ? cols - j * kLanes : kLanes;
      for (int64_t i = 0; i < used; ++i) {
        from[i] = row(b, col + j * kLanes + i);
      }
      for (int64_t p = 0; p < block.depth; p += kLanes) {
        const int64_t depth = block.depth - p < kLanes ? block.depth - p : kLanes;
        for (int64_t i = 0; i < used; ++i) __builtin_prefetch(from[i] + p + kLine * 2);
        V v[kLanes];
        if (used == kLanes && depth == kLanes) {
#pragma GCC unroll 16
          for (int64_t i = 0; i < kLanes; ++i) v[i] = load(from[i] + p);
        } else {
          for (int64_t i = 0; i < kLanes; ++i) v[i] = i < used ? load_part(from[i] + p, depth) : V{};
        }
        transpose<T>(v);
        for (int64_t i = 0; i < depth; ++i) store(to + ((p + i) * N + j) * kLanes, v[i]);
      }
    }
  }

  /// Asks for one of `count` parts of what will be packed of b for the columns from `col` on.
  static void prefetch_right(const ProductBlock<T>& block, int64_t col, int64_t part, int64_t count) {
    if (col >= block.cols) return;
    const MatrixView<T>& b = block.b;
    const int64_t cols = block.cols - col < kCols ? block.cols - col : kCols;
    const int64_t rows = b.transposed ? cols : block.depth, length = b.transposed ? block.depth : cols;
    const int64_t first = b.transposed ? col : 0, start = b.transposed ? 0 : col;
    const Parts parts(rows, count);
    for (int64_t r = parts.first(part); r < parts.first(part + 1); ++r) prefetch(row(b, first + r) + start, length);
  }

  /// Asks for one of `parts` parts of what the next block packs.
  static void prefetch_left(const ProductBlock<T>& block, const Parts& parts, int64_t part) {
    for (int64_t p = parts.first(part); p < parts.first(part + 1); ++p) prefetch(row(block.next, p), block.next_rows);
  }

  static void multiply(const ProductBlock<T>& block) {
    T* left = block.a.transposed ? block.left_space : nullptr;
    const Parts tiles(block.rows, (block.rows + kRows - 1) / kRows);
    const Parts next(block.next_depth, tiles.count * ((block.cols + kCols - 1) / kCols));
    if (left != nullptr) pack_left(block, tiles, left);
    for (int64_t col = 0; col < block.cols; col += kCols) {
      const int64_t cols = block.cols - col < kCols ? block.cols - col : kCols;
      const bool narrow = cols <= kLanes;
      if (block.b.transposed) {
        narrow ? pack_right_transposed<1>(block, col, cols, block.right_space)
               : pack_right_transposed<2>(block, col, cols, block.right_space);
      } else {
        narrow ? pack_right<1>(block, col, cols, block.right_space)
               : pack_right<2>(block, col, cols, block.right_space);
      }
      for (int64_t t = 0; t < tiles.count; ++t) {
        const int64_t first = tiles.first(t), rows = tiles.first(t + 1) - first;
        const Target to{block.result.at(first, col), cols};
        prefetch_right(block, col + kCols, t, tiles.count);
        prefetch_left(block, next, col / kCols * tiles.count + t);
        choose(rows, narrow)(block, left != nullptr ? left + first * block.depth : nullptr, first, block.right_space,
                             to);
      }
    }
  }

  static constexpr ProductCode<T> code() { return {kRows, kCols, 256, false, &multiply}; }
};

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
