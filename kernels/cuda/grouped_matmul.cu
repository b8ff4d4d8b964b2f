#include "kernels/grouped_matmul.h"

#include "kernels/cuda/tensor_product.cuh"
#include "kernels/precision.h"
#include "kernels/rows.h"

namespace divvy::kernels::cuda {

namespace {

constexpr const char* kFault = "grouped_matmul: the segments' offsets or a sample are out of range";

/// Results of one expert's weights and some of its rows, with the features as the tile's rows: y = W x + b, or dx = W^T
/// dy. A block's tile is (piece of rows, tile of features).
template <class T, class Tile, bool kTransposed>
struct RowsJob {
  using Value = T;
  static constexpr bool kATermsFirst = !kTransposed, kBTermsFirst = true, kResultsAlongM = true;

  DeviceSegments segments;
  const T *x, *weight, *offset;  ///< offset: the bias, or null
  T* y;
  int64_t inputs, outputs;  ///< of the product: features of x and y

  int64_t expert, feature;
  RowRange range;

  int64_t blocks() const {
    return Pieces{Tile::kN}.most(segments.rows, segments.experts) * tiles_of(outputs, Tile::kM);
  }

  __device__ bool start(int64_t block) {
    const int64_t tiles = (outputs + Tile::kM - 1) / Tile::kM;
    int64_t index = 0;
    if (!Pieces{Tile::kN}.find(segments, block / tiles, range, index) || range.rows() == 0) return false;
    feature = block % tiles * Tile::kM;
    expert = range.expert;
    weight += expert * inputs * outputs;
    return true;
  }
  __device__ int64_t rows() const { return outputs - feature; }
  __device__ int64_t cols() const { return range.rows(); }
  __device__ int64_t depth() const { return inputs; }
  /// Features past the last are never results, and so may be any: the last again.
  __device__ const T* a_row(int m) const {
    const int64_t f = min(feature + m, outputs - 1);
    return weight + (kTransposed ? f : f * inputs);
  }
  __device__ const T* a_at(const T* row, int64_t k) const { return row + (kTransposed ? k * outputs : k); }
  __device__ T a(const T* row, int64_t k) const { return *a_at(row, k); }
  __device__ const T* b_col(int n) const {
    const int64_t source = n < range.rows() ? segments.source(range.begin + n) : -1;
    return source < 0 ? nullptr : x + source * inputs;
  }
  __device__ const T* b_at(const T* col, int64_t k) const { return col == nullptr ? nullptr : col + k; }
  __device__ T b(const T* col, int64_t k) const { return col == nullptr ? T(0) : col[k]; }
  __device__ const T* any() const { return weight; }
  __device__ T* result(int n) const { return y + (range.begin + n) * outputs + feature; }
  __device__ int64_t stride() const { return 1; }
  __device__ T bias(int m) const { return offset == nullptr ? T(0) : offset[expert * outputs + feature + m]; }
};

/// dW = sum over some rows of an expert of dy[i, o] x[sample[i], j]; a block's tile is (piece of rows, tile of outputs,
/// tile of inputs).
template <class T, class Tile>
struct WeightJob {
  using Value = T;
  static constexpr bool kATermsFirst = false, kBTermsFirst = false, kResultsAlongM = false;

  PieceSums<T> sums;
  const T *x, *dy;
  int64_t inputs, outputs;

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
    return source < 0 ? nullptr : col + source * inputs;
  }
  __device__ T b(const T* col, int64_t k) const {
    const T* at = b_at(col, k);
    return at == nullptr ? T(0) : *at;
  }
  __device__ const T* any() const { return dy; }
  __device__ T* result(int n) const { return to + n; }
  __device__ int64_t stride() const { return inputs; }
  __device__ T bias(int) const { return 0; }
};

/// Whether four neighbours of both operands can be read at once: rows of such lengths, from such addresses.
template <class T>
bool reads_wide(const T* a, const T* b, int64_t inputs, int64_t outputs) {
  const auto aligned = [](const T* p) { return reinterpret_cast<uintptr_t>(p) % 16 == 0; };
  return aligned(a) && aligned(b) && inputs % 4 == 0 && outputs % 4 == 0;
}

/// Whether the tensor cores were asked for.
template <class T>
bool rounds() {
  return std::is_same_v<T, float> && product_precision() != Precision::f32;
}

/// to[i] = W from[sample[i]] + bias, or W^T from[i].
template <bool kTransposed, class T>
void multiply_rows(const DeviceSegments& segments, Device device, const T* from, const T* weight, const T* bias,
                   int64_t inputs, int64_t outputs, T* to) {
  if (segments.rows == 0 || outputs == 0) return;
  if constexpr (std::is_same_v<T, float>) {
    if (rounds<T>() && inputs > 0) {
      const RowsJob<T, TensorTile, kTransposed> job{segments, from, weight, bias, to, inputs, outputs, 0, 0, {}};
      return run_tensor_product(device, job.blocks(), product_precision() == Precision::bf16,
                                reads_wide(from, weight, inputs, outputs), job);
    }
  }
  with_tile<T>(outputs, segments.rows / segments.experts, [&]<class Tile>(Tile) {
    const RowsJob<T, Tile, kTransposed> job{segments, from, weight, bias, to, inputs, outputs, 0, 0, {}};
    run_product<Tile>(device, job.blocks(), job);
  });
}

/// to[e] = dy^T x, over the rows of each expert.
template <class T>
void weight_gradient(const DeviceSegments& segments, Device device, const T* x, const T* dy, int64_t inputs,
                     int64_t outputs, T* to) {
  const auto run = [&]<class Tile>(Tile, const auto& run_tiles) {
    const int64_t tiles = tiles_of(outputs, Tile::kM) * tiles_of(inputs, Tile::kN);
    sum_pieces(device, segments, pieces_for(segments.rows, tiles, 256), outputs * inputs, to,
               [&](const PieceSums<T>& sums, int64_t numbers) {
                 run_tiles(numbers * tiles, WeightJob<T, Tile>{sums, x, dy, inputs, outputs, 0, 0, {}, {}});
               });
  };
  if constexpr (std::is_same_v<T, float>) {
    if (rounds<T>() && segments.rows > 0) {
      return run(TensorTile(), [&](int64_t blocks, const auto& job) {
        run_tensor_product(device, blocks, product_precision() == Precision::bf16, reads_wide(x, dy, inputs, outputs),
                           job);
      });
    }
  }
  with_tile<T>(outputs, inputs, [&]<class Tile>(Tile tile) {
    run(tile, [&](int64_t blocks, const auto& job) { run_product<Tile>(device, blocks, job); });
  });
}

}  // namespace

void grouped_matmul(const Tensor& x, const Tensor& weight, const Tensor& bias, const Segments& segments, Tensor& y) {
  visit_floating("grouped_matmul", x.dtype(), [&]<class T>() {
    multiply_rows<false>(on_device(segments, weight.size(0), y.size(0), x.size(0), x.device(), kFault), x.device(),
                         x.data<T>(), weight.data<T>(), bias.defined() ? bias.data<T>() : nullptr, weight.size(2),
                         weight.size(1), y.mutable_data<T>());
  });
}

void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx) {
  visit_floating("grouped_matmul_backward_input", dy.dtype(), [&]<class T>() {
    const bool scattered = segments.sample.defined();
    Tensor rows = scattered ? Tensor::empty({dy.size(0), dx.size(1)}, dy.dtype(), dy.device()) : dx;
    multiply_rows<true>(on_device({segments.offsets, {}}, weight.size(0), dy.size(0), dy.size(0), dy.device(), kFault),
                        dy.device(), dy.data<T>(), weight.data<T>(), static_cast<const T*>(nullptr), weight.size(1),
                        weight.size(2), rows.mutable_data<T>());
    if (scattered) scatter_add_rows(rows, segments.sample, dx);
  });
}

void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight) {
  visit_floating("grouped_matmul_backward_weight", x.dtype(), [&]<class T>() {
    const DeviceSegments all = on_device(segments, dweight.size(0), dy.size(0), x.size(0), x.device(), kFault);
    weight_gradient(all, x.device(), x.data<T>(), dy.data<T>(), dweight.size(2), dweight.size(1),
                    dweight.mutable_data<T>());
  });
}

void grouped_matmul_backward_bias(const Tensor& dy, const Segments& segments, Tensor& dbias) {
  visit_floating("grouped_matmul_backward_bias", dy.dtype(), [&]<class T>() {
    channel_sums(dy.data<T>(), dbias.size(1), 1,
                 on_device({segments.offsets, {}}, dbias.size(0), dy.size(0), dy.size(0), dy.device(), kFault),
                 dy.device(), dbias.mutable_data<T>());
  });
}

}  // namespace divvy::kernels::cuda
