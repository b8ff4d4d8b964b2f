#include "kernels/matmul.h"

#include <algorithm>

#include "kernels/cpu/product/product.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// Into how many pieces of at least 1,024 the depth of a product with few tiles is cut, so that there is work for every
/// core.
int64_t depth_pieces(int64_t tiles, int64_t depth) {
  constexpr int64_t kUnits = 16, kDepth = 1024;
  return std::max<int64_t>(1, std::min(kUnits / std::max<int64_t>(tiles, 1), depth / kDepth));
}

/// The sums of the pieces [pieces, size] after the first, added to the first in their order.
template <class T>
void add_pieces(const T* piece, int64_t pieces, int64_t size, T* first) {
  parallel_tiles(size, 16384, [&](int64_t begin, int64_t end) {
    for (int64_t p = 0; p < pieces; ++p) {
      for (int64_t i = begin; i < end; ++i) first[i] += piece[p * size + i];
    }
  });
}

}  // namespace

void matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options, Tensor& y) {
  const int64_t rows = y.size(-2), cols = y.size(-1), depth = a.size(options.transpose_a ? -2 : -1);
  const int64_t products = y.rank() == 3 ? y.size(0) : 1;
  const int64_t col_tiles = tiles_of(cols, kTileCols), tiles = tiles_of(rows, kTileRows) * col_tiles;
  const int64_t pieces = depth_pieces(products * tiles, depth), piece_depth = tiles_of(depth, pieces);
  const int64_t units = products * tiles * pieces, per_task = units_per_task(units, y.numel() * depth);
  visit_floating("matmul", a.dtype(), [&]<class T>() {
    const Product<T> multiply(options.precision);
    const T *left = a.data<T>(), *right = b.data<T>();
    T* out = y.mutable_data<T>();
    Tensor others = Tensor::empty({pieces - 1, y.numel()}, y.dtype());
    T* other = others.mutable_data<T>();
    parallel_tiles(units, per_task, [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t piece = unit / (products * tiles), product = unit / tiles % products, tile = unit % tiles;
        const int64_t row = tile / col_tiles * kTileRows, height = std::min(kTileRows, rows - row);
        const int64_t col = tile % col_tiles * kTileCols, width = std::min(kTileCols, cols - col);
        const int64_t p = piece * piece_depth, size = std::min(piece_depth, depth - p);
        const MatrixView<T> l{left + product * rows * depth, options.transpose_a ? rows : depth, options.transpose_a};
        const MatrixView<T> r{right + product * depth * cols, options.transpose_b ? depth : cols, options.transpose_b};
        T* sum = piece == 0 ? out : other + (piece - 1) * y.numel();
        multiply(height, width, size, l.at(row, p), r.at(p, col), {sum + (product * rows + row) * cols + col, cols});
      }
    });
    if (pieces > 1) add_pieces(other, pieces - 1, y.numel(), out);
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
