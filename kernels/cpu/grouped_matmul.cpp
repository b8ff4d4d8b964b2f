#include "kernels/grouped_matmul.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/product/product.h"
#include "kernels/cpu/product/row_panels.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// Calls body(unit) for each of the parts of a job, in parallel where there is enough work.
template <class Body>
void for_units(int64_t units, int64_t multiplications, const Body& body) {
  parallel_tiles(units, units_per_task(units, multiplications), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) body(unit);
  });
}

/// The rows that the segments read from x, in place.
template <class T>
MatrixView<T> rows_of(const Tensor& x, const Segments& segments) {
  return {x.data<T>(), x.size(1), false, segments.sample.defined() ? segments.sample.data<int64_t>() : nullptr};
}

/// to[i, :] = bias[e, :] + source[i, :] * W_e for every row i of each expert e, in tiles of rows and columns, those
/// with the most rows first. `weight_of(e)` is W_e, [depth, cols]; a null bias is zero.
template <class T, class WeightOf>
void multiply_rows(const Segments& segments, int64_t rows, int64_t depth, const MatrixView<T>& source,
                   const WeightOf& weight_of, const T* bias, int64_t cols, T* to) {
  std::vector<RowPanel> panels = row_panels(segments, rows, kTileRows);
  std::stable_sort(panels.begin(), panels.end(), [](const auto& a, const auto& b) { return a.rows() > b.rows(); });
  const int64_t tile = wide_tile(cols, static_cast<int64_t>(panels.size())), col_tiles = tiles_of(cols, tile);
  const Product<T> multiply;
  for_units(static_cast<int64_t>(panels.size()) * col_tiles, rows * depth * cols, [&](int64_t unit) {
    const RowPanel& panel = panels[static_cast<size_t>(unit / col_tiles)];
    const int64_t col = unit % col_tiles * tile, width = std::min(tile, cols - col);
    multiply(panel.rows(), width, depth, source.at(panel.begin, 0), weight_of(panel.expert).at(0, col),
             {to + panel.begin * cols + col, cols, bias != nullptr ? bias + panel.expert * cols + col : nullptr});
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
  constexpr int64_t kUnits = 64, kLeast = 256;
  const int64_t limit = kLeast * tiles_of(std::max(kLeast, rows * tiles / kUnits), kLeast);
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
    multiply_rows<T>(segments, y.size(0), inputs, rows_of<T>(x, segments), weight_of,
                     bias.defined() ? bias.data<T>() : nullptr, outputs, y.mutable_data<T>());
  });
}

void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx) {
  visit_floating("grouped_matmul_backward_input", dy.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    const T* w = weight.data<T>();
    const auto weight_of = [=](int64_t e) { return MatrixView<T>{w + e * outputs * inputs, inputs}; };
    multiply_rows<T>(segments, dy.size(0), outputs, {dy.data<T>(), outputs}, weight_of, nullptr, inputs,
                     dx.mutable_data<T>());
  });
}

void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight) {
  visit_floating("grouped_matmul_backward_weight", x.dtype(), [&]<class T>() {
    const int64_t inputs = dweight.size(2), outputs = dweight.size(1);
    const int64_t experts = dweight.size(0), wide = wide_tile(inputs, experts), col_tiles = tiles_of(inputs, wide);
    const int64_t tall = wide_tile(outputs, experts * col_tiles), tiles = tiles_of(outputs, tall) * col_tiles;
    const MatrixView<T> source = rows_of<T>(x, segments), upstream{dy.data<T>(), outputs, true};
    const Product<T> multiply;
    sum_rows(segments, dy.size(0), tiles, outputs * inputs, dweight.mutable_data<T>(),
             [&](const RowPanel& panel, int64_t tile, T* sum) {
               const int64_t out = tile / col_tiles * tall, height = std::min(tall, outputs - out);
               const int64_t col = tile % col_tiles * wide, width = std::min(wide, inputs - col);
               // The rows are the depth of this product: dY^T X.
               multiply(height, width, panel.rows(), upstream.at(out, panel.begin), source.at(panel.begin, col),
                        {sum + out * inputs + col, inputs});
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

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
