#include <algorithm>
#include <vector>

#include "kernels/cpu/conv2d/paths.h"
#include "kernels/cpu/conv2d/winograd_tile.h"
#include "kernels/cpu/product/product.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd/dot.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::winograd {

namespace {

/// Measured: so many tiles make one product of matrices; the transformed patches of all channels then stay in the
/// second cache.
constexpr int64_t kTiles = 64;
/// Filters whose products with a block of tiles are made, and transformed back, at once.
constexpr int64_t kFilters = 96;

int64_t tile_rows(const ConvSizes& s) { return (s.out_height + 1) / 2; }
int64_t tile_cols(const ConvSizes& s) { return (s.out_width + 1) / 2; }

/// Some of the rows of tiles of an image, or all tiles of several images.
struct Block {
  int64_t image, images;
  Tiles tiles;
  int64_t count() const { return images * tiles.count(); }
};

std::vector<Block> blocks_of(const ConvSizes& s, const RowPanel& panel) {
  const int64_t rows = tile_rows(s), cols = tile_cols(s);
  std::vector<Block> blocks;
  const int64_t images = std::max<int64_t>(1, kTiles / (rows * cols));
  const int64_t height = images > 1 ? rows : std::clamp<int64_t>(kTiles / cols, 1, rows);
  for (int64_t image = panel.begin; image < panel.end; image += images) {
    for (int64_t row = 0; row < rows; row += height) {
      blocks.push_back({image, std::min(images, panel.end - image), {row, std::min(height, rows - row), cols}});
    }
  }
  return blocks;
}

/// The sizes that the largest block of a panel needs.
struct BlockSizes {
  BlockSizes(const std::vector<Block>& blocks, int64_t (*space)(const Tiles&)) {
    for (const Block& block : blocks) {
      count = std::max(count, block.count());
      plane = std::max(plane, space(block.tiles));
    }
  }
  int64_t count = 0, plane = 0;
};

/// u[16] = G w G^T, stored `step` elements apart, with G = 1 0 0, .5 .5 .5, .5 -.5 .5, 0 0 1.
template <class T>
void transform_filter(const T* w, bool turned, T* u, int64_t step) {
  T half[4][3];
  for (int64_t j = 0; j < 3; ++j) {
    const auto at = [&](int64_t i) { return w[turned ? 8 - (i * 3 + j) : i * 3 + j]; };
    const T ends = T(.5) * (at(0) + at(2)), middle = T(.5) * at(1);
    half[0][j] = at(0), half[1][j] = ends + middle, half[2][j] = ends - middle, half[3][j] = at(2);
  }
  for (int64_t i = 0; i < 4; ++i) {
    const T *h = half[i], ends = T(.5) * (h[0] + h[2]), middle = T(.5) * h[1];
    u[(4 * i) * step] = h[0];
    u[(4 * i + 1) * step] = ends + middle;
    u[(4 * i + 2) * step] = ends - middle;
    u[(4 * i + 3) * step] = h[2];
  }
}

/// dw[9] = G^T du G of `count` neighboring filters; the 16 elements of a filter lie `step` apart.
template <class T>
void filter_gradients(const T* du, int64_t step, int64_t count, T* dw) {
  for (int64_t c = 0; c < count; ++c, dw += 9) {
    T half[3][4];
    for (int64_t j = 0; j < 4; ++j) {
      const auto at = [&](int64_t i) { return du[(4 * i + j) * step + c]; };
      const T sum = T(.5) * (at(1) + at(2));
      half[0][j] = at(0) + sum, half[1][j] = T(.5) * (at(1) - at(2)), half[2][j] = sum + at(3);
    }
    for (int64_t i = 0; i < 3; ++i) {
      const T *h = half[i], sum = T(.5) * (h[1] + h[2]);
      dw[3 * i] = h[0] + sum, dw[3 * i + 1] = T(.5) * (h[1] - h[2]), dw[3 * i + 2] = sum + h[3];
    }
  }
}

/// The transformed patches of `channels` planes of each image of a block: `plane(image, channel)` for `to` [16,
/// channels, tiles].
template <class T, class Function>
void transform_planes(const Block& block, int64_t channels, T* to, const Function& transform) {
  const int64_t count = block.count();
  for (int64_t n = 0; n < block.images; ++n) {
    for (int64_t c = 0; c < channels; ++c) {
      transform(block.image + n, c, to + c * count + n * block.tiles.count(), channels * count);
    }
  }
}

}  // namespace

bool fits(const ConvSizes& s, Precision precision) {
  constexpr int64_t kLeast = 16;
  // The transforms subtract what is nearly equal, which operands rounded to bf16 do not bear.
  if (precision == Precision::bf16) return false;
  return s.kernel_height == 3 && s.kernel_width == 3 && s.stride == 1 && s.groups == 1 && s.padding <= 2 &&
         s.channels >= kLeast && s.filters >= kLeast;
}

int64_t images_per_block(const ConvSizes& s) {
  return std::max<int64_t>(1, kTiles / std::max<int64_t>(1, tile_rows(s) * tile_cols(s)));
}

template <class T>
Tensor transformed(const Tensor& weight, bool backward) {
  // Squares of filters and channels, put together where they are in the first cache: the 16 elements of a filter go to
  // 16 places far from each other.
  constexpr int64_t kSide = 16;
  const int64_t filters = weight.size(-4), channels = weight.size(-3), planes = filters * channels;
  const int64_t experts = weight.numel() / (planes * 9), strips = tiles_of(filters, kSide);
  Tensor result = Tensor::empty({experts, 16, planes}, weight.dtype());
  const T* from = weight.data<T>();
  T* to = result.mutable_data<T>();
  parallel_for(experts * strips, [&](int64_t task) {
    const int64_t expert = task / strips, f0 = task % strips * kSide, height = std::min(kSide, filters - f0);
    const T* w = from + expert * planes * 9;
    T* u = to + expert * 16 * planes;
    T square[16 * kSide * kSide];
    for (int64_t c0 = 0; c0 < channels; c0 += kSide) {
      const int64_t width = std::min(kSide, channels - c0);
      for (int64_t f = 0; f < height; ++f) {
        for (int64_t c = 0; c < width; ++c) {
          transform_filter(w + ((f0 + f) * channels + c0 + c) * 9, backward,
                           square + (backward ? c * kSide + f : f * kSide + c), kSide * kSide);
        }
      }
      for (int64_t i = 0; i < 16; ++i) {
        T* plane = u + i * planes + (backward ? c0 * filters + f0 : f0 * channels + c0);
        const int64_t rows = backward ? width : height, length = backward ? height : width;
        for (int64_t r = 0; r < rows; ++r) {
          std::copy_n(square + (i * kSide + r) * kSide, length, plane + r * (backward ? filters : channels));
        }
      }
    }
  });
  return result;
}

template <class T>
void forward(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* filters, const T* bias, T* y) {
  thread_local Scratch plane_space, patch_space, product_space;
  using Of = Transform<T>;
  const auto blocks = blocks_of(s, panel);
  const BlockSizes sizes(blocks, &Of::space);
  T* space = plane_space.take<T>(sizes.plane);
  T* patches = patch_space.take<T>(16 * s.channels * sizes.count);
  T* products = product_space.take<T>(16 * std::min(kFilters, s.filters) * sizes.count + kLanes<T>);
  const Product<T> multiply(Precision::f32);  // fits() leaves bf16 to other paths
  for (const Block& block : blocks) {
    const int64_t count = block.count();
    transform_planes(block, s.channels, patches, [&](int64_t row, int64_t c, T* to, int64_t stride) {
      Of::inputs(block.tiles, in.image(row, s) + c * s.height * s.width, s.height, s.width, s.padding, space, to,
                 stride);
    });
    for (int64_t f = 0; f < s.filters; f += kFilters) {
      const int64_t some = std::min(kFilters, s.filters - f);
      for (int64_t i = 0; i < 16; ++i) {
        multiply(some, count, s.channels, {filters + (i * s.filters + f) * s.channels, s.channels},
                 {patches + i * s.channels * count, count}, {products + i * some * count, count});
      }
      for (int64_t n = 0; n < block.images; ++n) {
        for (int64_t k = 0; k < some; ++k) {
          Of::outputs(block.tiles, products + k * count + n * block.tiles.count(), some * count,
                      bias ? bias[f + k] : T(0), space, y + (block.image + n) * s.out_image() + (f + k) * s.out_plane(),
                      s.out_height, s.out_width);
        }
      }
    }
  }
}

template <class T>
void backward_weight(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* dy, T* dweight,
                     T* dbias) {
  thread_local Scratch plane_space, patch_space, upstream_space, sum_space;
  using Of = Transform<T>;
  if (dbias) {
    std::fill_n(dbias, s.filters, T(0));
    for (int64_t row = panel.begin; row < panel.end; ++row) {
      const T* planes = dy + row * s.out_image();
      for (int64_t f = 0; f < s.filters; ++f) dbias[f] += sum_run(planes + f * s.out_plane(), s.out_plane());
    }
  }
  if (!dweight) return;
  const auto blocks = blocks_of(s, panel);
  const BlockSizes sizes(blocks, &Of::space);
  // So many filters that their sums are at most 4 MiB.
  const int64_t most = std::clamp<int64_t>((int64_t{1} << 16) / s.channels, 32, s.filters);
  T* space = plane_space.take<T>(sizes.plane);
  T* patches = patch_space.take<T>(16 * s.channels * sizes.count);
  T* upstream = upstream_space.take<T>(16 * most * sizes.count);
  T* sums = sum_space.take<T>(16 * most * s.channels);
  const Product<T> multiply(Precision::f32);  // fits() leaves bf16 to other paths
  for (int64_t f = 0; f < s.filters; f += most) {
    const int64_t some = std::min(most, s.filters - f);
    for (const Block& block : blocks) {
      const int64_t count = block.count();
      transform_planes(block, s.channels, patches, [&](int64_t row, int64_t c, T* to, int64_t stride) {
        Of::inputs(block.tiles, in.image(row, s) + c * s.height * s.width, s.height, s.width, s.padding, space, to,
                   stride);
      });
      transform_planes(block, some, upstream, [&](int64_t row, int64_t k, T* to, int64_t stride) {
        Of::upstream(block.tiles, dy + row * s.out_image() + (f + k) * s.out_plane(), s.out_height, s.out_width, space,
                     to, stride);
      });
      const bool add = &block != &blocks.front();
      for (int64_t i = 0; i < 16; ++i) {
        multiply(some, s.channels, count, {upstream + i * some * count, count},
                 {patches + i * s.channels * count, count, true}, {sums + i * some * s.channels, s.channels, add});
      }
    }
    filter_gradients(sums, some * s.channels, some * s.channels, dweight + f * s.channels * 9);
  }
}

#define DIVVY_INSTANTIATE(T)                                                                             \
  template Tensor transformed<T>(const Tensor&, bool);                                                   \
  template void forward(const ConvSizes&, const RowPanel&, const ConvInput<T>&, const T*, const T*, T*); \
  template void backward_weight(const ConvSizes&, const RowPanel&, const ConvInput<T>&, const T*, T*, T*);
DIVVY_INSTANTIATE(float)
DIVVY_INSTANTIATE(double)
#undef DIVVY_INSTANTIATE

}  // namespace divvy::kernels::DIVVY_TARGET::winograd
DIVVY_TARGET_END;
