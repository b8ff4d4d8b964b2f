#pragma once

#include <algorithm>
#include <initializer_list>

#include "kernels/cuda/product/tensor_product.cuh"
#include "kernels/epilogue.h"
#include "kernels/precision.h"

/// Products of the rows of experts with the weights of each: exact in f32, on tensor cores in another precision.
namespace divvy::kernels::cuda {

/// y[i] = W_e x[sample[i]] + bias_e, or W_e^T in the place of W_e, for every row i of each expert e.
template <class T>
struct RowsProduct {
  DeviceSegments segments;
  const T* x;
  int64_t x_pitch;  ///< elements from a row of x to the next
  const T* weight;
  int64_t inputs, outputs;  ///< features of x and y
  T* y;
  int64_t y_pitch;
  Epilogue<T> epilogue = {};  ///< with the biases of all experts
};

/// The features are a tile's rows here, and the rows its columns. A block's tile is (piece of rows, tile of features).
template <class T, class Tile, bool kTransposed>
struct RowsJob {
  using Value = T;
  static constexpr bool kATermsFirst = !kTransposed, kBTermsFirst = true, kResultsAlongM = true;

  RowsProduct<T> p;
  int64_t feature;
  RowRange range;

  int64_t blocks() const {
    return Pieces{Tile::kN}.most(p.segments.rows, p.segments.experts) * tiles_of(p.outputs, Tile::kM);
  }

  __device__ bool start(int64_t block) {
    const int64_t tiles = (p.outputs + Tile::kM - 1) / Tile::kM;
    int64_t index = 0;
    if (!Pieces{Tile::kN}.find(p.segments, block / tiles, range, index) || range.rows() == 0) return false;
    feature = block % tiles * Tile::kM;
    p.weight += range.expert * p.inputs * p.outputs;
    p.epilogue.bias = p.epilogue.at(0, range.expert * p.outputs).bias;
    return true;
  }
  __device__ int64_t rows() const { return p.outputs - feature; }
  __device__ int64_t cols() const { return range.rows(); }
  __device__ int64_t depth() const { return p.inputs; }
  /// Features past the last are never results, and so may be any: the last again.
  __device__ const T* a_row(int m) const {
    const int64_t f = min(feature + m, p.outputs - 1);
    return p.weight + (kTransposed ? f : f * p.inputs);
  }
  __device__ const T* a_at(const T* row, int64_t k) const { return row + (kTransposed ? k * p.outputs : k); }
  __device__ T a(const T* row, int64_t k) const { return *a_at(row, k); }
  __device__ const T* b_col(int n) const {
    const int64_t source = n < range.rows() ? p.segments.source(range.begin + n) : -1;
    return source < 0 ? nullptr : p.x + source * p.x_pitch;
  }
  __device__ const T* b_at(const T* col, int64_t k) const { return col == nullptr ? nullptr : col + k; }
  __device__ T b(const T* col, int64_t k) const { return col == nullptr ? T(0) : col[k]; }
  __device__ const T* any() const { return p.weight; }
  __device__ T* result(int n) const { return p.y + (range.begin + n) * p.y_pitch + feature; }
  __device__ int64_t stride() const { return 1; }
  __device__ T finish(T value, int m, int n) const { return p.epilogue(value, range.begin + n, feature + m); }
};

/// dW = sum over some rows of an expert of dy[i, o] x[sample[i], j]; a block's tile is (piece of rows, tile of outputs,
/// tile of inputs).
template <class T, class Tile>
struct WeightJob {
  using Value = T;
  static constexpr bool kATermsFirst = false, kBTermsFirst = false, kResultsAlongM = false;

  PieceSums<T> sums;
  const T *x, *dy;
  int64_t x_pitch, inputs, outputs;

  int64_t output, input;
  RowRange range;
  T* to;

  __device__ bool start(int64_t block) {
    const int64_t tiles_n = (inputs + Tile::kN - 1) / Tile::kN, tiles_m = (outputs + Tile::kM - 1) / Tile::kM;
    const int64_t number = block / (tiles_n * tiles_m);
    int64_t index = 0;
    if (!sums.pieces.find(sums.segments, number, range, index)) return false;
    input = block % tiles_n * Tile::kN;
    output = block / tiles_n % tiles_m * Tile::kM;
    to = sums.of(number, range, index) + output * inputs + input;
    return true;
  }
  __device__ int64_t rows() const { return outputs - output; }
  __device__ int64_t cols() const { return inputs - input; }
  __device__ int64_t depth() const { return range.rows(); }
  __device__ const T* a_row(int m) const { return dy + range.begin * outputs + min(output + m, outputs - 1); }
  __device__ const T* a_at(const T* row, int64_t k) const { return row + k * outputs; }
  __device__ T a(const T* row, int64_t k) const { return *a_at(row, k); }
  __device__ const T* b_col(int n) const { return x + min(input + n, inputs - 1); }
  __device__ const T* b_at(const T* col, int64_t k) const {
    const int64_t source = sums.segments.source(range.begin + k);
    return source < 0 ? nullptr : col + source * x_pitch;
  }
  __device__ T b(const T* col, int64_t k) const {
    const T* at = b_at(col, k);
    return at == nullptr ? T(0) : *at;
  }
  __device__ const T* any() const { return dy; }
  __device__ T* result(int n) const { return to + n; }
  __device__ int64_t stride() const { return inputs; }
  __device__ T finish(T value, int, int) const { return value; }
};

/// Whether four neighbors of both operands can be read at once: rows of such lengths, from such addresses.
template <class T>
bool reads_wide(const T* a, const T* b, std::initializer_list<int64_t> lengths) {
  const auto aligned = [](const T* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; };
  return aligned(a) && aligned(b) && std::all_of(lengths.begin(), lengths.end(), [](int64_t n) { return n % 4 == 0; });
}

template <bool kTransposed, class T>
void multiply_rows(Device device, const RowsProduct<T>& p, Precision precision) {
  if (p.segments.rows == 0 || p.outputs == 0) return;
  const bool wide = reads_wide(p.x, p.weight, {p.inputs, p.outputs, p.x_pitch});
  if constexpr (std::is_same_v<T, float>) {
    if (precision != Precision::f32 && p.inputs > 0) {
      const RowsJob<T, TensorTile, kTransposed> job{p, 0, {}};
      return run_tensor_product(device, job.blocks(), precision == Precision::bf16, wide, job);
    }
  }
  with_tile<T>(p.outputs, p.segments.rows / p.segments.experts, [&]<class Tile>(Tile) {
    const RowsJob<T, Tile, kTransposed> job{p, 0, {}};
    run_product<Tile>(device, job.blocks(), wide, job);
  });
}

/// to[e] = the sum over the rows i of expert e of dy[i]^T x[sample[i]]. x: rows of `inputs` features, x_pitch elements
/// apart; dy: [N, outputs], to: [E, outputs, inputs].
template <class T>
void weight_gradient(const DeviceSegments& segments, Device device, const T* x, int64_t x_pitch, const T* dy,
                     int64_t inputs, int64_t outputs, T* to, Precision precision) {
  const bool wide = reads_wide(x, dy, {inputs, outputs, x_pitch});
  const auto run = [&]<class Tile>(Tile, const auto& run_tiles) {
    const int64_t tiles = tiles_of(outputs, Tile::kM) * tiles_of(inputs, Tile::kN);
    sum_pieces(device, segments, pieces_for(segments.rows, tiles, 256), outputs * inputs, to,
               [&](const PieceSums<T>& sums, int64_t numbers) {
                 run_tiles(numbers * tiles, WeightJob<T, Tile>{sums, x, dy, x_pitch, inputs, outputs, 0, 0, {}, {}});
               });
  };
  if constexpr (std::is_same_v<T, float>) {
    if (precision != Precision::f32 && segments.rows > 0) {
      return run(TensorTile(), [&](int64_t blocks, const auto& job) {
        run_tensor_product(device, blocks, precision == Precision::bf16, wide, job);
      });
    }
  }
  with_tile<T>(outputs, inputs, [&]<class Tile>(Tile tile) {
    run(tile, [&](int64_t blocks, const auto& job) { run_product<Tile>(device, blocks, wide, job); });
  });
}

}  // namespace divvy::kernels::cuda
