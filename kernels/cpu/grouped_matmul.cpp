#include "kernels/grouped_matmul.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/product.h"
#include "kernels/cpu/row_panels.h"
#include "kernels/rows.h"
#include "tensor/parallel.h"

namespace divvy::kernels::cpu {

namespace {

/// Calls body(unit) for each of the parts of a job, in parallel where there is enough work.
template <class Body>
void for_units(int64_t units, int64_t multiplications, const Body& body) {
  parallel_tiles(units, units_per_task(units, multiplications), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) body(unit);
  });
}

/// The rows of x that a product reads: row i is row sample[i] of `data`, or row i where there is no sample.
template <class T>
struct SourceRows {
  const T* data;
  int64_t cols;
  const int64_t* sample;

  /// Rows [row, row + rows) and columns [col, col + cols) as a matrix: in place, or copied together into memory of the
  /// calling thread that the next call overwrites.
  MatrixView<T> tile(int64_t row, int64_t rows, int64_t col, int64_t width) const {
    if (sample == nullptr) return {data + row * cols + col, cols};
    alignas(64) static thread_local T gathered[kTileRows * kTileDepth];
    for (int64_t r = 0; r < rows; ++r) std::copy_n(data + sample[row + r] * cols + col, width, gathered + r * width);
    return {gathered, width};
  }
};

template <class T>
SourceRows<T> source_rows(const Tensor& x, const Segments& segments) {
  return {x.data<T>(), x.size(1), segments.sample.defined() ? segments.sample.data<int64_t>() : nullptr};
}

/// to[i, :] = bias[e, :] + source[i, :] * W_e for every row i of each expert e, in tiles of rows and columns.
/// `weight_of(e)` is W_e, [source.cols, cols]; a null bias is zero.
template <class T, class WeightOf>
void multiply_rows(const std::vector<RowPanel>& panels, const SourceRows<T>& source, const WeightOf& weight_of,
                   const T* bias, int64_t cols, T* to) {
  const int64_t col_tiles = tiles_of(cols, kTileCols), rows = panels.empty() ? 0 : panels.back().end;
  for_units(static_cast<int64_t>(panels.size()) * col_tiles, rows * source.cols * cols, [&](int64_t unit) {
    const RowPanel& panel = panels[static_cast<size_t>(unit / col_tiles)];
    const int64_t col = unit % col_tiles * kTileCols, width = std::min(kTileCols, cols - col);
    T* corner = to + panel.begin * cols + col;
    for (int64_t r = 0; r < panel.rows(); ++r) {
      if (bias != nullptr) {
        std::copy_n(bias + panel.expert * cols + col, width, corner + r * cols);
      } else {
        std::fill_n(corner + r * cols, width, T(0));
      }
    }
    const MatrixView<T> weight = weight_of(panel.expert);
    for_tiles(source.cols, kTileDepth, [&](int64_t p, int64_t depth) {
      const MatrixView<T> rows = source.tile(panel.begin, panel.rows(), p, depth);
      add_product(panel.rows(), width, depth, rows, weight.at(p, col), corner, cols);
    });
  });
}

/// Sums over the rows of each expert: `size` elements an expert, computed in `tiles` independent tiles. An expert with
/// very many rows is cut into pieces, so that there is work for every core even if it has all of the rows; the first
/// piece sums into the result and the others, into memory of their own, are added to it in order.
template <class T, class Body>
void sum_rows(const Segments& segments, int64_t rows, int64_t tiles, int64_t size, T* to, const Body& body) {
  if (size == 0) return;
  struct Piece {
    RowPanel panel;
    T* result;
    T* sum;
  };
  constexpr int64_t kUnits = 64;
  const int64_t limit = kTileDepth * tiles_of(std::max(kTileDepth, rows * tiles / kUnits), kTileDepth);
  std::vector<Piece> pieces;
  int64_t others = 0;
  for (const RowPanel& all : expert_rows(segments, rows)) {
    T* result = to + all.expert * size;
    pieces.push_back({{all.expert, all.begin, std::min(all.begin + limit, all.end)}, result, result});
    for (int64_t begin = all.begin + limit; begin < all.end; begin += limit, ++others) {
      pieces.push_back({{all.expert, begin, std::min(begin + limit, all.end)}, result, nullptr});
    }
  }
  Tensor partial = Tensor::empty({others, size}, dtype_of<T>);
  T* next = partial.mutable_data<T>();
  for (Piece& piece : pieces) {
    if (piece.sum == nullptr) piece.sum = next, next += size;
  }
  for_units(static_cast<int64_t>(pieces.size()) * tiles, rows * size, [&](int64_t unit) {
    const Piece& piece = pieces[static_cast<size_t>(unit / tiles)];
    body(piece.panel, unit % tiles, piece.sum);
  });
  if (others == 0) return;
  parallel_tiles(size, 16384, [&](int64_t begin, int64_t end) {
    for (const Piece& piece : pieces) {
      if (piece.sum == piece.result) continue;
      for (int64_t i = begin; i < end; ++i) piece.result[i] += piece.sum[i];
    }
  });
}

}  // namespace

void grouped_matmul(const Tensor& x, const Tensor& weight, const Tensor& bias, const Segments& segments, Tensor& y) {
  visit_floating("grouped_matmul", x.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    const T* w = weight.data<T>();
    const auto weight_of = [=](int64_t e) { return MatrixView<T>{w + e * outputs * inputs, inputs, true}; };
    multiply_rows(row_panels(segments, y.size(0), kTileRows), source_rows<T>(x, segments), weight_of,
                  bias.defined() ? bias.data<T>() : nullptr, outputs, y.mutable_data<T>());
  });
}

void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx) {
  visit_floating("grouped_matmul_backward_input", dy.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    const T* w = weight.data<T>();
    const auto weight_of = [=](int64_t e) { return MatrixView<T>{w + e * outputs * inputs, inputs}; };
    const bool scattered = segments.sample.defined();
    Tensor rows = scattered ? Tensor::empty({dy.size(0), inputs}, dy.dtype()) : dx;
    multiply_rows<T>(row_panels(segments, dy.size(0), kTileRows), {dy.data<T>(), outputs, nullptr}, weight_of, nullptr,
                     inputs, rows.mutable_data<T>());
    if (scattered) scatter_add_rows(rows, segments.sample, dx);
  });
}

void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight) {
  visit_floating("grouped_matmul_backward_weight", x.dtype(), [&]<class T>() {
    const int64_t inputs = dweight.size(2), outputs = dweight.size(1);
    const int64_t col_tiles = tiles_of(inputs, kTileCols), tiles = tiles_of(outputs, kTileRows) * col_tiles;
    const SourceRows<T> source = source_rows<T>(x, segments);
    const T* upstream = dy.data<T>();
    sum_rows(segments, dy.size(0), tiles, outputs * inputs, dweight.mutable_data<T>(),
             [&](const RowPanel& panel, int64_t tile, T* sum) {
               const int64_t out = tile / col_tiles * kTileRows, height = std::min(kTileRows, outputs - out);
               const int64_t col = tile % col_tiles * kTileCols, width = std::min(kTileCols, inputs - col);
               T* corner = sum + out * inputs + col;
               for (int64_t o = 0; o < height; ++o) std::fill_n(corner + o * inputs, width, T(0));
               // The rows are the depth of this product: dY^T X.
               for_tiles(panel.rows(), kTileRows, [&](int64_t r, int64_t depth) {
                 const int64_t row = panel.begin + r;
                 const MatrixView<T> left{upstream + row * outputs + out, outputs, true};
                 add_product(height, width, depth, left, source.tile(row, depth, col, width), corner, inputs);
               });
             });
  });
}

void grouped_matmul_backward_bias(const Tensor& dy, const Segments& segments, Tensor& dbias) {
  visit_floating("grouped_matmul_backward_bias", dy.dtype(), [&]<class T>() {
    const int64_t outputs = dbias.size(1), tiles = tiles_of(outputs, kTileCols);
    const T* upstream = dy.data<T>();
    sum_rows(segments, dy.size(0), tiles, outputs, dbias.mutable_data<T>(),
             [&](const RowPanel& panel, int64_t tile, T* sum) {
               const int64_t begin = tile * kTileCols, end = std::min(begin + kTileCols, outputs);
               std::fill(sum + begin, sum + end, T(0));
               for (int64_t r = panel.begin; r < panel.end; ++r) {
                 const T* row = upstream + r * outputs;
                 for (int64_t o = begin; o < end; ++o) sum[o] += row[o];
               }
             });
  });
}

}  // namespace divvy::kernels::cpu
