#include "kernels/conv2d.h"

#include "kernels/conv2d_sizes.h"
#include "kernels/cuda/conv2d/cudnn.h"
#include "kernels/cuda/divide.cuh"
#include "kernels/cuda/product/product.cuh"

/// Convolutions as matrix products whose second operand is never made: the pixels under a filter are read where they
/// lie. For any number of experts and groups; a network alone is left to cuDNN where that is there.
namespace divvy::kernels::cuda {

namespace {

constexpr const char* kFault = "conv2d: the segments' offsets or a sample are out of range";

/// With what the divisions of a kernel take.
struct ConvSizes : kernels::ConvSizes {
  ConvSizes(const Shape& x, const Shape& weight, const Shape& y, const Conv2dGeometry& g)
      : kernels::ConvSizes(x, weight, y, g),
        by_kernel_width(kernel_width),
        by_kernel_height(kernel_height),
        by_out_width(out_width),
        by_out_plane(out_plane()) {}

  Divisor by_kernel_width, by_kernel_height, by_out_width, by_out_plane;
};

/// Place (u, v) of a filter in channel c, or of filter c where that is asked for.
struct Tap {
  unsigned c, u, v;
  Tap() = default;
  __device__ Tap(const ConvSizes& s, int64_t k) {
    const auto at = static_cast<unsigned>(k);
    const unsigned row = s.by_kernel_width.divide(at);
    v = at - row * static_cast<unsigned>(s.kernel_width);
    c = s.by_kernel_height.divide(row);
    u = row - c * static_cast<unsigned>(s.kernel_height);
  }
};

/// Some images, or null for none, and a place in them.
template <class T>
struct Place {
  const T* image;
  int64_t row, col;
};

/// What the block has to do: some filters or channels of a group for some pixels of the rows of an expert.
template <class Tile>
struct ImageTile {
  RowRange pixels;
  int64_t group, first, per_row;

  __device__ bool start(const DeviceSegments& segments, int64_t groups, int64_t rows, int64_t pixels_of_row,
                        int64_t block) {
    const int64_t tiles = (rows + Tile::kM - 1) / Tile::kM;
    per_row = pixels_of_row;
    group = block / tiles % groups;
    first = block % tiles * Tile::kM;
    int64_t index = 0;
    return Pieces{Tile::kN, per_row}.find(segments, block / (tiles * groups), pixels, index) && pixels.rows() > 0;
  }
  static int64_t blocks(const DeviceSegments& segments, int64_t groups, int64_t rows, int64_t pixels_of_row) {
    return Pieces{Tile::kN, pixels_of_row}.most(segments.rows, segments.experts) * groups * tiles_of(rows, Tile::kM);
  }
  __device__ int64_t row(int n) const { return (pixels.begin + n) / per_row; }
  __device__ int64_t pixel(int n) const { return (pixels.begin + n) % per_row; }
};

/// Filters of a group by output pixels; terms: the taps of a filter.
template <class T, class Tile>
struct ForwardJob {
  using Value = T;
  static constexpr bool kATermsFirst = true, kBTermsFirst = false, kResultsAlongM = false;

  ConvSizes s;
  DeviceSegments segments;
  const T *x, *weight, *offset;
  T* y;
  ImageTile<Tile> tile;

  int64_t blocks() const { return tile.blocks(segments, s.groups, s.group_filters(), s.out_plane()); }
  __device__ bool start(int64_t block) {
    return tile.start(segments, s.groups, s.group_filters(), s.out_plane(), block);
  }
  __device__ int64_t rows() const { return s.group_filters() - tile.first; }
  __device__ int64_t cols() const { return tile.pixels.rows(); }
  __device__ int64_t depth() const { return s.taps(); }
  __device__ int64_t filter() const { return tile.group * s.group_filters() + tile.first; }
  /// Filters past the last are never results, and so may be any: the last again.
  __device__ const T* a_row(int m) const {
    const int64_t f = filter() + min(int64_t{m}, rows() - 1);
    return weight + tile.pixels.expert * s.weights() + f * s.taps();
  }
  __device__ T a(const T* row, int64_t k) const { return row[k]; }
  __device__ Place<T> b_col(int n) const {
    const int64_t source = n < cols() ? segments.source(tile.row(n)) : -1, at = tile.pixel(n);
    if (source < 0) return {nullptr, 0, 0};
    return {x + (source * s.channels + tile.group * s.group_channels()) * s.plane(),
            at / s.out_width * s.stride - s.padding, at % s.out_width * s.stride - s.padding};
  }
  __device__ T b(const Place<T>& place, int64_t k) const {
    const Tap tap(s, k);
    const int64_t row = place.row + tap.u, col = place.col + tap.v;
    if (place.image == nullptr || row < 0 || row >= s.height || col < 0 || col >= s.width) return 0;
    return place.image[(tap.c * s.height + row) * s.width + col];
  }
  __device__ T* result(int n) const { return y + (tile.row(n) * s.filters + filter()) * s.out_plane() + tile.pixel(n); }
  __device__ int64_t stride() const { return s.out_plane(); }
  __device__ T finish(T value, int m, int) const {
    return offset == nullptr ? value : value + offset[tile.pixels.expert * s.filters + filter() + m];
  }
};

/// Channels of a group by input pixels; terms: filters of the group and places in them.
template <class T, class Tile>
struct InputJob {
  using Value = T;
  static constexpr bool kATermsFirst = true, kBTermsFirst = false, kResultsAlongM = false;

  ConvSizes s;
  DeviceSegments segments;
  const T *dy, *weight;
  T* dx;
  ImageTile<Tile> tile;

  int64_t blocks() const { return tile.blocks(segments, s.groups, s.group_channels(), s.plane()); }
  __device__ bool start(int64_t block) { return tile.start(segments, s.groups, s.group_channels(), s.plane(), block); }
  __device__ int64_t rows() const { return s.group_channels() - tile.first; }
  __device__ int64_t cols() const { return tile.pixels.rows(); }
  __device__ int64_t depth() const { return s.group_filters() * s.kernel(); }
  __device__ const T* a_row(int m) const {
    const int64_t c = tile.first + min(int64_t{m}, rows() - 1);
    return weight + tile.pixels.expert * s.weights() + tile.group * s.group_filters() * s.taps() + c * s.kernel();
  }
  __device__ T a(const T* row, int64_t k) const {
    const Tap tap(s, k);
    return row[tap.c * s.taps() + tap.u * s.kernel_width + tap.v];
  }
  __device__ Place<T> b_col(int n) const {
    if (n >= cols()) return {nullptr, 0, 0};
    const int64_t at = tile.pixel(n);
    return {dy + (tile.row(n) * s.filters + tile.group * s.group_filters()) * s.out_plane(), at / s.width + s.padding,
            at % s.width + s.padding};
  }
  __device__ T b(const Place<T>& place, int64_t k) const {
    const Tap tap(s, k);
    int64_t row = place.row - tap.u, col = place.col - tap.v;
    if (place.image == nullptr || row < 0 || col < 0) return 0;
    if (s.stride != 1) {
      const int64_t i = row / s.stride, j = col / s.stride;
      if (i * s.stride != row || j * s.stride != col) return 0;
      row = i, col = j;
    }
    if (row >= s.out_height || col >= s.out_width) return 0;
    return place.image[(tap.c * s.out_height + row) * s.out_width + col];
  }
  __device__ T* result(int n) const {
    return dx + (tile.row(n) * s.channels + tile.group * s.group_channels() + tile.first) * s.plane() + tile.pixel(n);
  }
  __device__ int64_t stride() const { return s.plane(); }
  __device__ T finish(T value, int, int) const { return value; }
};

/// Filters of a group by taps; terms: output pixels of some rows of an expert.
template <class T, class Tile>
struct WeightJob {
  using Value = T;
  static constexpr bool kATermsFirst = true, kBTermsFirst = true, kResultsAlongM = false;

  ConvSizes s;
  PieceSums<T> sums;
  const T *x, *dy;

  RowRange pixels;
  int64_t group, filter, tap;  ///< filter: the first of the tile in its group
  int64_t first_row, first_pixel;
  T* to;

  __device__ bool start(int64_t block) {
    const int64_t tiles_n = (s.taps() + Tile::kN - 1) / Tile::kN;
    const int64_t tiles_m = (s.group_filters() + Tile::kM - 1) / Tile::kM;
    tap = block % tiles_n * Tile::kN;
    filter = block / tiles_n % tiles_m * Tile::kM;
    group = block / (tiles_n * tiles_m) % s.groups;
    const int64_t number = block / (tiles_n * tiles_m * s.groups);
    int64_t index = 0;
    if (!sums.pieces.find(sums.segments, number, pixels, index)) return false;
    first_row = pixels.begin / s.out_plane();
    first_pixel = pixels.begin % s.out_plane();
    to = sums.of(number, pixels, index) + (group * s.group_filters() + filter) * s.taps() + tap;
    return true;
  }
  /// A term: a pixel of the output of a row.
  struct Pixel {
    int64_t row, pixel;
    __device__ Pixel(const WeightJob& job, int64_t k) {
      const auto at = static_cast<unsigned>(job.first_pixel + k);
      const unsigned rows = job.s.by_out_plane.divide(at);
      row = job.first_row + rows;
      pixel = at - rows * static_cast<unsigned>(job.s.out_plane());
    }
  };

  __device__ int64_t rows() const { return s.group_filters() - filter; }
  __device__ int64_t cols() const { return s.taps() - tap; }
  __device__ int64_t depth() const { return pixels.rows(); }
  __device__ const T* a_row(int m) const {
    return dy + (group * s.group_filters() + filter + min(int64_t{m}, rows() - 1)) * s.out_plane();
  }
  __device__ T a(const T* plane, int64_t k) const {
    const Pixel at(*this, k);
    return plane[at.row * s.filters * s.out_plane() + at.pixel];
  }
  __device__ Tap b_col(int n) const { return Tap(s, tap + min(int64_t{n}, cols() - 1)); }
  __device__ T b(const Tap& place, int64_t k) const {
    const Pixel at(*this, k);
    const unsigned i = s.by_out_width.divide(static_cast<unsigned>(at.pixel));
    const int64_t row = i * s.stride + place.u - s.padding;
    const int64_t col = (at.pixel - i * s.out_width) * s.stride + place.v - s.padding;
    const int64_t source = sums.segments.source(at.row);
    if (source < 0 || row < 0 || row >= s.height || col < 0 || col >= s.width) return 0;
    return x[((source * s.channels + group * s.group_channels() + place.c) * s.height + row) * s.width + col];
  }
  __device__ T* result(int n) const { return to + n; }
  __device__ int64_t stride() const { return s.taps(); }
  __device__ T finish(T value, int, int) const { return value; }
};

}  // namespace

void conv2d(const Tensor& x, const Tensor& weight, const Tensor& bias, const Conv2dGeometry& geometry,
            const Segments& segments, Tensor& y, Precision /*precision*/) {
  if (y.numel() == 0 || cudnn::conv2d(x, weight, bias, geometry, segments, y)) return;
  visit_floating("conv2d", x.dtype(), [&]<class T>() {
    const ConvSizes s(x.shape(), weight.shape(), y.shape(), geometry);
    const DeviceSegments all = on_device(segments, s.experts, y.size(0), x.size(0), x.device(), kFault);
    with_tile<T>(s.group_filters(), s.out_plane() * y.size(0), [&]<class Tile>(Tile) {
      const ForwardJob<T, Tile> job{
          s, all, x.data<T>(), weight.data<T>(), bias.defined() ? bias.data<T>() : nullptr, y.mutable_data<T>(), {}};
      run_product<Tile>(x.device(), job.blocks(), job);
    });
  });
}

void conv2d_backward_input(const Tensor& dy, const Tensor& weight, const Conv2dGeometry& geometry,
                           const Segments& segments, Tensor& dx, Precision /*precision*/) {
  if (dx.numel() == 0 || cudnn::conv2d_backward_input(dy, weight, geometry, segments, dx)) return;
  visit_floating("conv2d_backward_input", dy.dtype(), [&]<class T>() {
    const ConvSizes s(dx.shape(), weight.shape(), dy.shape(), geometry);
    const DeviceSegments in_place =
        on_device({segments.offsets, {}}, s.experts, dy.size(0), dy.size(0), dy.device(), kFault);
    with_tile<T>(s.group_channels(), s.plane() * dy.size(0), [&]<class Tile>(Tile) {
      const InputJob<T, Tile> job{s, in_place, dy.data<T>(), weight.data<T>(), dx.mutable_data<T>(), {}};
      run_product<Tile>(dy.device(), job.blocks(), job);
    });
  });
}

void conv2d_backward_weight(const Tensor& x, const Tensor& dy, const Shape& weight_shape,
                            const Conv2dGeometry& geometry, const Segments& segments, Tensor& dweight, Tensor& dbias,
                            Precision /*precision*/) {
  visit_floating("conv2d_backward_weight", x.dtype(), [&]<class T>() {
    const ConvSizes s(x.shape(), weight_shape, dy.shape(), geometry);
    const Device device = x.device();
    const DeviceSegments all = on_device(segments, s.experts, dy.size(0), x.size(0), device, kFault);
    if (dweight.defined() && !cudnn::conv2d_backward_weight(x, dy, geometry, segments, dweight)) {
      with_tile<T>(s.group_filters(), s.taps(), [&]<class Tile>(Tile) {
        const int64_t tiles = s.groups * tiles_of(s.group_filters(), Tile::kM) * tiles_of(s.taps(), Tile::kN);
        Pieces pieces = pieces_for(dy.size(0) * s.out_plane(), tiles, 1024, s.out_plane());
        pieces.length = std::min(pieces.length, int64_t{1} << 30);  // pixels of a piece are counted in 32 bits
        sum_pieces(device, all, pieces, s.weights(), dweight.mutable_data<T>(),
                   [&](const PieceSums<T>& sums, int64_t numbers) {
                     run_product<Tile>(device, numbers * tiles,
                                       WeightJob<T, Tile>{s, sums, x.data<T>(), dy.data<T>(), {}, 0, 0, 0, 0, 0, {}});
                   });
      });
    }
    if (dbias.defined()) channel_sums(dy.data<T>(), s.filters, s.out_plane(), all, device, dbias.mutable_data<T>());
  });
}

}  // namespace divvy::kernels::cuda
