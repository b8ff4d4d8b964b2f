#include "kernels/grouped_matmul.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/expert_sums.h"
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

/// to[i, :] = bias[e, :] + source[i, :] * W_e for every row i of each expert e, in tiles of rows and columns, those
/// with the most rows first. `weight_of(e)` is W_e, [depth, cols]; a null bias is zero.
template <class T, class WeightOf>
void multiply_rows(const Segments& segments, int64_t rows, int64_t depth, const MatrixView<T>& source,
                   const WeightOf& weight_of, const T* bias, int64_t cols, T* to, Precision precision) {
  std::vector<RowPanel> panels = row_panels(segments, rows, kTileRows);
  sort_by_rows(panels);
  const int64_t tile = wide_tile(cols, static_cast<int64_t>(panels.size())), col_tiles = tiles_of(cols, tile);
  const Product<T> multiply(precision);
  const Epilogue<T> epilogue{.bias = bias};
  for_units(static_cast<int64_t>(panels.size()) * col_tiles, rows * depth * cols, [&](int64_t unit) {
    const RowPanel& panel = panels[static_cast<size_t>(unit / col_tiles)];
    const int64_t col = unit % col_tiles * tile, width = std::min(tile, cols - col);
    multiply(panel.rows(), width, depth, source.at(panel.begin, 0), weight_of(panel.expert).at(0, col),
             {to + panel.begin * cols + col, cols, false, epilogue.at(0, panel.expert * cols + col)});
  });
}

/// to[e] = the sum over the rows of each expert e, computed by body(panel, tile, sum) in `tiles` independent tiles.
template <class T, class Body>
void sum_rows(const Segments& segments, int64_t rows, int64_t tiles, Tensor& to, const Body& body) {
  constexpr int64_t kUnits = 64, kLeast = 256;
  const int64_t limit = kLeast * tiles_of(std::max(kLeast, rows * tiles / kUnits), kLeast);
  const std::vector<RowPanel> panels = row_panels(segments, rows, limit);
  ExpertSums<T> sums(panels, to.size(0));
  const size_t result = sums.add(to);
  if (to.numel() == 0) return;
  for_units(static_cast<int64_t>(panels.size()) * tiles, rows * to.numel() / to.size(0), [&](int64_t unit) {
    const auto panel = static_cast<size_t>(unit / tiles);
    body(panels[panel], unit % tiles, sums.of(result, panel));
  });
  sums.add_up();
}

}  // namespace

void grouped_matmul(const Tensor& x, const Tensor& weight, const Tensor& bias, const Segments& segments, Tensor& y,
                    Precision precision) {
  visit_floating("grouped_matmul", x.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    const T* w = weight.data<T>();
    const auto weight_of = [=](int64_t e) { return MatrixView<T>{w + e * outputs * inputs, inputs, true}; };
    multiply_rows<T>(segments, y.size(0), inputs, rows_of<T>(x, segments), weight_of,
                     bias.defined() ? bias.data<T>() : nullptr, outputs, y.mutable_data<T>(), precision);
  });
}

void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx,
                                   Precision precision) {
  visit_floating("grouped_matmul_backward_input", dy.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    const T* w = weight.data<T>();
    const auto weight_of = [=](int64_t e) { return MatrixView<T>{w + e * outputs * inputs, inputs}; };
    multiply_rows<T>(segments, dy.size(0), outputs, {dy.data<T>(), outputs}, weight_of, nullptr, inputs,
                     dx.mutable_data<T>(), precision);
  });
}

void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight,
                                    Precision precision) {
  visit_floating("grouped_matmul_backward_weight", x.dtype(), [&]<class T>() {
    const int64_t inputs = dweight.size(2), outputs = dweight.size(1);
    const int64_t experts = dweight.size(0), wide = wide_tile(inputs, experts), col_tiles = tiles_of(inputs, wide);
    const int64_t tall = wide_tile(outputs, experts * col_tiles), tiles = tiles_of(outputs, tall) * col_tiles;
    const MatrixView<T> source = rows_of<T>(x, segments), upstream{dy.data<T>(), outputs, true};
    const Product<T> multiply(precision);
    sum_rows<T>(segments, dy.size(0), tiles, dweight, [&](const RowPanel& panel, int64_t tile, T* sum) {
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
    sum_rows<T>(segments, dy.size(0), tiles, dbias, [&](const RowPanel& panel, int64_t tile, T* sum) {
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
