#pragma once

#include <cmath>
#include <cstdint>

#include "kernels/cpu/small_stack/conv.h"
#include "kernels/cpu/small_stack/lanes.h"
#include "kernels/epilogue.h"

/// The first layer of a stack with neighboring pixels in the lanes: the images are read where they lie, and only the
/// pooled results, a quarter of the pixels or less, are transposed into tiles. It pays where the inputs of a tile are
/// read by one expert alone. Values come out with the same bits as with the samples in the lanes.
#if DIVVY_VECTOR_BYTES == 64
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::stack {

template <>
struct PixelConvolution<Lanes<float>> {
  static constexpr bool kAvailable = true;
  static constexpr int64_t kLanes = 16, kMostRows = 32;

  static bool fits(const StackLayer& layer) {
    return layer.convolution() && layer.pool && layer.kernel == 3 && layer.border == 0 && layer.out_cols <= kLanes &&
           layer.out_rows <= kMostRows;
  }

  /// Pooled results of `count` samples into a tile; lanes without a sample become zero.
  static void forward(const StackLayer& layer, const float* const* samples, int64_t count, const float* weight,
                      const float* bias, float* tile, uint16_t* masks) {
    const bool wide = layer.out_cols == kLanes;
    (wide ? forward_tile<true> : forward_tile<false>)(layer, samples, count, weight, bias, tile, masks);
  }

  /// Adds to `sums`, for each filter and channel ten vectors, what a tile gives to the gradients of their weights and
  /// of the bias. dy: the gradients of the pooled results, a tile.
  static void weight_gradient(const StackLayer& layer, const float* const* samples, int64_t count, const float* dy,
                              const uint16_t* masks, float* sums) {
    const bool wide = layer.out_cols == kLanes;
    (wide ? gradient_of_tile<true> : gradient_of_tile<false>)(layer, samples, count, dy, masks, sums);
  }

  /// The masks as they are with the samples in the lanes.
  static void transpose_masks(const StackLayer& layer, int64_t count, const uint16_t* masks, uint16_t* to) {
    for (int64_t f = 0; f < layer.out; ++f) {
      for (int64_t i = 0; i < layer.out_rows; ++i) {
        for (int64_t j = 0; j < layer.out_cols; ++j) {
          for (int64_t which = 0; which < 2; ++which) {
            unsigned bits = 0;
            for (int64_t lane = 0; lane < count; ++lane) {
              bits |= (masks_of(layer, masks, f, lane)[2 * i + which] >> j & 1u) << lane;
            }
            *to++ = static_cast<uint16_t>(bits);
          }
        }
      }
    }
  }

 private:
  using V = Lanes<float>;
  using Vec = V::Vec;

  template <class Masks>
  static Masks* masks_of(const StackLayer& layer, Masks* masks, int64_t filter, int64_t lane) {
    return masks + 2 * (filter * kLanes + lane) * layer.out_rows;
  }

  /// What a row of an image gives for the windows of a pooled row: vector v has the columns 2j + v of all windows j.
  struct Row {
    Vec at[4];
  };
  /// Reads rows of images with their border of zeros. Wide: the last window reads columns 32 and 33.
  template <bool Wide>
  struct Columns {
    explicit Columns(const StackLayer& layer)
        : height(layer.in_rows), width(layer.in_cols), padding(layer.padding), used(lanes_below(layer.out_cols)) {
      const auto inside = [&](int64_t start) {
        return static_cast<__mmask16>(lanes_below(width + padding - start) & ~lanes_below(padding - start));
      };
      left = inside(0), right = inside(16);
      even_end = inside(32) & 1, odd_end = inside(33) & 1;
    }
    static __mmask16 lanes_below(int64_t end) {
      return static_cast<__mmask16>(end <= 0 ? 0 : end >= kLanes ? 0xffff : (1 << end) - 1);
    }
    static Vec next(Vec v, Vec end) {
      return _mm512_castsi512_ps(_mm512_alignr_epi32(_mm512_castps_si512(end), _mm512_castps_si512(v), 1));
    }
    Row row(const float* image, int64_t i) const {
      if (i < padding || i >= padding + height) return {V::zero(), V::zero(), V::zero(), V::zero()};
      const float* from = image + (i - padding) * width - padding;
      const __m512i even = _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
      const __m512i odd = _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31);
      const Vec a = _mm512_maskz_loadu_ps(left, from), b = _mm512_maskz_loadu_ps(right, from + 16);
      Row result;
      result.at[0] = _mm512_permutex2var_ps(a, even, b);
      result.at[1] = _mm512_permutex2var_ps(a, odd, b);
      result.at[2] = next(result.at[0], Wide ? _mm512_maskz_loadu_ps(even_end, from + 32) : result.at[0]);
      result.at[3] = next(result.at[1], Wide ? _mm512_maskz_loadu_ps(odd_end, from + 33) : result.at[1]);
      return result;
    }
    /// Asks for what the rows of window row i of another image read, of all of its channels in turn.
    void prefetch(const float* image, int64_t i) const {
      const float* from = image + 2 * i * width;
      for (int64_t at = 0; at < 2 * width; at += 16) __builtin_prefetch(from + at);
    }
    int64_t height, width, padding;
    __mmask16 used;  ///< the lanes that have a window
    __mmask16 left, right, even_end, odd_end;
  };

  template <bool Wide>
  static void forward_tile(const StackLayer& layer, const float* const* samples, int64_t count, const float* weight,
                           const float* bias, float* tile, uint16_t* masks) {
    const Columns<Wide> columns(layer);
    const int64_t plane = layer.out_rows * layer.out_cols, taps = 9 * layer.in;
    alignas(64) float space[kLanes][(kMostRows + 1) * kLanes];
    const float* rows[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane) rows[lane] = space[lane];
    for (int64_t i = 0; count < kLanes && i < plane; ++i) space[count][i] = 0;
    for (int64_t lane = count; lane < kLanes; ++lane) rows[lane] = space[count];
    for (int64_t f = 0; f < layer.out; ++f) {
      const float *w = weight + f * taps, start = bias != nullptr ? bias[f] : 0;
      for (int64_t lane = 0; lane < count; ++lane) {
        uint16_t* to = masks_of(layer, masks, f, lane);
        const float *image = samples[lane], *after = samples[lane + 1 < count ? lane + 1 : lane];
        const bool finite = layer.in == 1 ? pool<true>(layer, columns, image, after, w, start, space[lane], to)
                                          : pool<false>(layer, columns, image, after, w, start, space[lane], to);
        if (!finite) pool_carefully(layer, image, w, start, space[lane], to);
      }
      Lanes<float>::read_rows(rows, plane, tile + f * plane * kLanes);
    }
  }

  template <bool Wide>
  static void gradient_of_tile(const StackLayer& layer, const float* const* samples, int64_t count, const float* dy,
                               const uint16_t* masks, float* sums) {
    const Columns<Wide> columns(layer);
    const int64_t plane = layer.out_rows * layer.out_cols;
    alignas(64) float space[kLanes][(kMostRows + 1) * kLanes];
    float* rows[kLanes];
    for (int64_t lane = 0; lane < kLanes; ++lane) rows[lane] = space[lane];
    for (int64_t f = 0; f < layer.out; ++f) {
      Lanes<float>::write_rows(dy + f * plane * kLanes, plane, count, rows);
      for (int64_t c = 0; c < layer.in; ++c, sums += 10 * kLanes) {
        for (int64_t lane = 0; lane < count; ++lane) {
          const int64_t channel = c * layer.in_rows * layer.in_cols;
          const float *image = samples[lane] + channel, *after = samples[lane + 1 < count ? lane + 1 : lane] + channel;
          add_gradient(layer, columns, image, after, space[lane], masks_of(layer, masks, f, lane), sums);
        }
      }
    }
  }

  /// The pooled plane of one filter and where its values came from; false where a sum may not be a number. A single
  /// channel keeps its rows and weights in registers.
  template <bool Single, bool Wide>
  static bool pool(const StackLayer& layer, const Columns<Wide>& columns, const float* image, const float* after,
                   const float* weight, float start, float* out, uint16_t* masks) {
    Vec check = V::zero();
    const Vec first = V::all(start);
    Row x[4];
    if constexpr (Single) x[2] = columns.row(image, 0), x[3] = columns.row(image, 1);
    for (int64_t i = 0; i < layer.out_rows; ++i) {
      columns.prefetch(after, i);
      Vec sum[2][2] = {{first, first}, {first, first}};
      for (int64_t c = 0; c < (Single ? 1 : layer.in); ++c) {
        const float *plane = image + c * columns.height * columns.width, *w = weight + 9 * c;
        x[0] = Single ? x[2] : columns.row(plane, 2 * i);
        x[1] = Single ? x[3] : columns.row(plane, 2 * i + 1);
        x[2] = columns.row(plane, 2 * i + 2), x[3] = columns.row(plane, 2 * i + 3);
#pragma GCC unroll 3
        for (int u = 0; u < 3; ++u) {
#pragma GCC unroll 3
          for (int v = 0; v < 3; ++v) {
            const Vec factor = V::all(w[3 * u + v]);
#pragma GCC unroll 4
            for (int p = 0; p < 4; ++p)
              sum[p / 2][p % 2] = V::fma(factor, x[u + p / 2].at[v + p % 2], sum[p / 2][p % 2]);
          }
        }
      }
      // Not a number where a sum is not, and perhaps where sums are very large.
      check = V::fma(V::add(sum[0][0], sum[0][1]), V::add(sum[1][0], sum[1][1]), check);
      const auto upper = V::greater(sum[0][1], sum[0][0]), lower = V::greater(sum[1][1], sum[1][0]);
      const Vec top = V::max(sum[0][0], sum[0][1]), bottom = V::max(sum[1][0], sum[1][1]);
      const auto down = V::greater(bottom, top);
      Vec most = V::max(top, bottom);
      if (layer.relu) most = relu<float>(most);
      // What is stored beyond the row is overwritten by the next one, or never read.
      V::store(out + i * layer.out_cols, most);
      masks[2 * i] = V::bits(down);
      masks[2 * i + 1] = V::bits(V::choose(down, lower, upper));
    }
    return V::not_a_number(check) == 0;
  }

  /// The same for any numbers: the first one that is not a number is the largest.
  static void pool_carefully(const StackLayer& layer, const float* image, const float* weight, float start, float* out,
                             uint16_t* masks) {
    const int64_t height = layer.in_rows, width = layer.in_cols;
    const auto pixel = [&](int64_t c, int64_t i, int64_t j) {
      i -= layer.padding, j -= layer.padding;
      return i < 0 || i >= height || j < 0 || j >= width ? 0.0f : image[(c * height + i) * width + j];
    };
    const auto result = [&](int64_t i, int64_t j) {
      float sum = start;
      for (int64_t n = 0; n < 9 * layer.in; ++n) sum = std::fma(weight[n], pixel(n / 9, i + n % 9 / 3, j + n % 3), sum);
      return sum;
    };
    const auto larger = [](float a, float b, unsigned& second) {
      second = !std::isnan(a) && (std::isnan(b) || b > a) ? 1 : 0;
      return second != 0 ? b : a;
    };
    for (int64_t i = 0; i < layer.out_rows; ++i) {
      masks[2 * i] = masks[2 * i + 1] = 0;
      for (int64_t j = 0; j < layer.out_cols; ++j) {
        unsigned upper, lower, down;
        const float top = larger(result(2 * i, 2 * j), result(2 * i, 2 * j + 1), upper);
        const float bottom = larger(result(2 * i + 1, 2 * j), result(2 * i + 1, 2 * j + 1), lower);
        const float most = larger(top, bottom, down);
        out[i * layer.out_cols + j] = Epilogue<float>{.relu = layer.relu}(most, i, j);
        masks[2 * i] = static_cast<uint16_t>(masks[2 * i] | down << j);
        masks[2 * i + 1] = static_cast<uint16_t>(masks[2 * i + 1] | (down != 0 ? lower : upper) << j);
      }
    }
  }

  /// Adds the products of one sample's gradients with the patches that gave its pooled values, from one channel.
  template <bool Wide>
  static void add_gradient(const StackLayer& layer, const Columns<Wide>& columns, const float* image,
                           const float* after, const float* dy, const uint16_t* masks, float* sums) {
    Vec sum[9], total = V::load(sums + 9 * kLanes);
#pragma GCC unroll 9
    for (int n = 0; n < 9; ++n) sum[n] = V::load(sums + n * kLanes);
    Row x[4];
    x[2] = columns.row(image, 0), x[3] = columns.row(image, 1);
    for (int64_t i = 0; i < layer.out_rows; ++i) {
      columns.prefetch(after, i);
      x[0] = x[2], x[1] = x[3];
      x[2] = columns.row(image, 2 * i + 2), x[3] = columns.row(image, 2 * i + 3);
      const Vec gradient = _mm512_maskz_loadu_ps(columns.used, dy + i * layer.out_cols);
      const auto down = V::mask_of(masks[2 * i]), right = V::mask_of(masks[2 * i + 1]);
      total = V::add(total, gradient);
#pragma GCC unroll 3
      for (int u = 0; u < 3; ++u) {
        Vec row[4];
#pragma GCC unroll 4
        for (int v = 0; v < 4; ++v) row[v] = V::select(down, x[u + 1].at[v], x[u].at[v]);
#pragma GCC unroll 3
        for (int v = 0; v < 3; ++v) {
          // Lanes without a window stay as they are: zero times what they have read may not be a number.
          sum[3 * u + v] =
              _mm512_mask3_fmadd_ps(gradient, V::select(right, row[v + 1], row[v]), sum[3 * u + v], columns.used);
        }
      }
    }
#pragma GCC unroll 9
    for (int n = 0; n < 9; ++n) V::store(sums + n * kLanes, sum[n]);
    V::store(sums + 9 * kLanes, total);
  }
};

}  // namespace divvy::kernels::DIVVY_TARGET::stack
DIVVY_TARGET_END;
#endif
