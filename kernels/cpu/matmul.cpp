#include "kernels/matmul.h"

#include <algorithm>

#include "kernels/cpu/product.h"
#include "tensor/parallel.h"

namespace divvy::kernels::cpu {

void matmul(const Tensor& a, const Tensor& b, const MatmulOptions& options, Tensor& y) {
  const int64_t rows = y.size(-2), cols = y.size(-1), depth = a.size(options.transpose_a ? -2 : -1);
  const int64_t products = y.rank() == 3 ? y.size(0) : 1;
  const int64_t col_tiles = tiles_of(cols, kTileCols), tiles = tiles_of(rows, kTileRows) * col_tiles;
  const int64_t units = products * tiles, per_task = units_per_task(units, y.numel() * depth);
  visit_floating("matmul", a.dtype(), [&]<class T>() {
    const T *left = a.data<T>(), *right = b.data<T>();
    T* out = y.mutable_data<T>();
    parallel_tiles(units, per_task, [&](int64_t begin, int64_t end) {
      for (int64_t unit = begin; unit < end; ++unit) {
        const int64_t product = unit / tiles, tile = unit % tiles;
        const int64_t row = tile / col_tiles * kTileRows, height = std::min(kTileRows, rows - row);
        const int64_t col = tile % col_tiles * kTileCols, width = std::min(kTileCols, cols - col);
        const MatrixView<T> l{left + product * rows * depth, options.transpose_a ? rows : depth, options.transpose_a};
        const MatrixView<T> r{right + product * depth * cols, options.transpose_b ? depth : cols, options.transpose_b};
        T* corner = out + (product * rows + row) * cols + col;
        for (int64_t i = 0; i < height; ++i) std::fill_n(corner + i * cols, width, T(0));
        for_tiles(depth, kTileDepth, [&](int64_t p, int64_t size) {
          add_product(height, width, size, l.at(row, p), r.at(p, col), corner, cols);
        });
      }
    });
  });
}

}  // namespace divvy::kernels::cpu
