#include <algorithm>

#include "kernels/cpu/conv2d/paths.h"
#include "kernels/cpu/planes.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd/vector.h"
#include "kernels/cpu/target.h"

/// With a stride of 1, the pixels that one weight multiplies lie as far apart in the input as in the output, row after
/// row, if the rows of the output are spread to the pitch of the (padded) input's. So an output plane is a strip
///
///     out[p] = sum over taps t of weight[t] * in[offset[t] + p],    p = i * pitch + j,
///
/// long enough for vectors however small the images are. The few pixels between the rows of the output are computed too
/// and thrown away. The gradient of the input is such a strip over the padded dy, and that of a weight the product of
/// the strips of dy, with zeros between the rows, and of the input.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::direct {

namespace {

/// Filters that share the loads of an input vector.
constexpr int kBlock = 4;

/// The filters that the next block takes, of `left` ones.
int block_of(int64_t left) { return left >= kBlock ? kBlock : left >= 2 ? 2 : 1; }

/// out[b][p] = bias[b] + sum over t of weight[t][b] * in[offset[t] + p], for Vectors vectors from p = 0.
template <class T, int Block, int Vectors>
inline void strip_step(const T* in, const int64_t* offset, int64_t taps, const T* weight, const T* bias, T* out,
                       int64_t out_pitch) {
  Vector<T> sum[Block][Vectors];
#pragma GCC unroll 4
  for (int b = 0; b < Block; ++b) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) sum[b][v] = Vector<T>{} + bias[b];
  }
  for (int64_t t = 0; t < taps; ++t) {
    const T* at = in + offset[t];
    const T* w = weight + t * Block;
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) {
      const Vector<T> x = load(at + v * kLanes<T>);
#pragma GCC unroll 4
      for (int b = 0; b < Block; ++b) sum[b][v] += w[b] * x;
    }
  }
#pragma GCC unroll 4
  for (int b = 0; b < Block; ++b) {
#pragma GCC unroll 8
    for (int v = 0; v < Vectors; ++v) store<T>(out + b * out_pitch + v * kLanes<T>, sum[b][v]);
  }
}

/// The strip from `begin` to `length`, at least a vector long. The last vector ends with the strip and may compute some
/// pixels again, to the same bits.
template <class T, int Block, int Vectors>
inline void strip_from(int64_t begin, const T* in, const int64_t* offset, int64_t taps, const T* weight, const T* bias,
                       int64_t length, T* out, int64_t out_pitch) {
  constexpr int64_t step = Vectors * kLanes<T>;
  for (; begin + step <= length; begin += step) {
    strip_step<T, Block, Vectors>(in + begin, offset, taps, weight, bias, out + begin, out_pitch);
  }
  if (begin == length) return;
  if constexpr (Vectors > 1) {
    strip_from<T, Block, Vectors / 2>(begin, in, offset, taps, weight, bias, length, out, out_pitch);
  } else {
    const int64_t last = length - step;
    strip_step<T, Block, 1>(in + last, offset, taps, weight, bias, out + last, out_pitch);
  }
}

/// Strips of `filters` filters, whose weights were packed by pack(). bias may be nullptr.
template <class T>
void strips(const T* in, const int64_t* offset, int64_t taps, const T* packed, const T* bias, int64_t filters,
            int64_t length, T* out, int64_t out_pitch) {
  constexpr int most = kVectorRegisters / 2;  // of the registers, what is left holds inputs and weights
  const T none[kBlock] = {};
  for (int64_t f = 0; f < filters;) {
    const int block = block_of(filters - f);
    const T* w = packed + f * taps;
    const T* b = bias ? bias + f : none;
    T* to = out + f * out_pitch;
    switch (block) {
      case 4: strip_from<T, 4, most / 4>(0, in, offset, taps, w, b, length, to, out_pitch); break;
      case 2: strip_from<T, 2, most / 4>(0, in, offset, taps, w, b, length, to, out_pitch); break;
      default: strip_from<T, 1, 8>(0, in, offset, taps, w, b, length, to, out_pitch);
    }
    f += block;
  }
}

/// Orders weights for strips(): block by block of filters, [taps][block]. at(f, t) is the weight of filter f and tap t.
template <class T, class At>
void pack(int64_t filters, int64_t taps, const At& at, T* packed) {
  for (int64_t f = 0; f < filters;) {
    const int block = block_of(filters - f);
    for (int64_t t = 0; t < taps; ++t) {
      for (int b = 0; b < block; ++b) *packed++ = at(f + b, t);
    }
    f += block;
  }
}

/// offset[(c * kernel_height + u) * kernel_width + v] of a tap, for planes and rows at the given distances.
void tap_offsets(const ConvSizes& s, int64_t channels, int64_t plane, int64_t pitch, int64_t* offset) {
  for (int64_t c = 0; c < channels; ++c) {
    for (int64_t u = 0; u < s.kernel_height; ++u) {
      for (int64_t v = 0; v < s.kernel_width; ++v) *offset++ = c * plane + u * pitch + v;
    }
  }
}

/// The length of the strip that covers an output plane at the pitch of the padded input.
int64_t strip_length(const ConvSizes& s) { return (s.out_height - 1) * s.padded_width() + s.out_width; }

/// The input with its border of zeros: the input itself where it needs none. `space` holds a padded image.
template <class T>
const T* padded(const ConvSizes& s, const T* image, T* space) {
  if (s.padding == 0) return image;
  pad_planes(image, s.channels, s.height, s.width, space, s.padded_plane(), s.padded_width(), s.padding, s.padding);
  return space;
}

int64_t padded_image(const ConvSizes& s) { return s.padding == 0 ? 0 : s.channels * s.padded_plane(); }

/// dw[b][t] += the sum over images and p of dy[i][b][p] * x[i][offset[t] + p], for Block filters and Taps taps.
///
/// A strip of dy is cut in vectors, the last of which ends with the strip and is zero where the one before it has been.
template <class T, int Block, int Taps>
inline void correlate_step(const T* dy, int64_t dy_image, int64_t dy_plane, const T* const* x, const int64_t* offset,
                           int64_t images, int64_t length, T* dw, int64_t dw_pitch) {
  Vector<T> sum[Block][Taps] = {};
  const int64_t vectors = dy_plane / kLanes<T>;
  for (int64_t i = 0; i < images; ++i) {
    const T* from[Taps];
#pragma GCC unroll 9
    for (int t = 0; t < Taps; ++t) from[t] = x[i] + offset[t];
    for (int64_t n = 0; n < vectors; ++n) {
      const T* d = dy + i * dy_image + n * kLanes<T>;
      const int64_t p = std::min(n * kLanes<T>, length - kLanes<T>);
      Vector<T> upstream[Block];
#pragma GCC unroll 4
      for (int b = 0; b < Block; ++b) upstream[b] = load(d + b * dy_plane);
#pragma GCC unroll 9
      for (int t = 0; t < Taps; ++t) {
        const Vector<T> v = load(from[t] + p);
#pragma GCC unroll 4
        for (int b = 0; b < Block; ++b) sum[b][t] += upstream[b] * v;
      }
    }
  }
#pragma GCC unroll 4
  for (int b = 0; b < Block; ++b) {
#pragma GCC unroll 9
    for (int t = 0; t < Taps; ++t) dw[b * dw_pitch + t] += sum_lanes<T>(sum[b][t]);
  }
}

/// The strips of some images, all channels of a group: what correlate_step() works on.
template <class T>
struct Chunk {
  const T* dy;  ///< [images, filters, dy_plane]
  int64_t dy_image, dy_plane;
  const T* const* x;  ///< the (padded) images
  int64_t images, length;
};

/// Taps from t on, Taps at a time while there are as many. Returns the first that is left.
template <class T, int Block, int Taps>
int64_t correlate_some(const Chunk<T>& chunk, int64_t f, int64_t t, const int64_t* offset, int64_t taps, T* dw) {
  for (; t + Taps <= taps; t += Taps) {
    correlate_step<T, Block, Taps>(chunk.dy + f * chunk.dy_plane, chunk.dy_image, chunk.dy_plane, chunk.x, offset + t,
                                   chunk.images, chunk.length, dw + f * taps + t, taps);
  }
  return t;
}

/// All taps for Block filters from filter f.
template <class T, int Block, int Taps>
void correlate(const Chunk<T>& chunk, int64_t f, const int64_t* offset, int64_t taps, T* dw) {
  int64_t t = correlate_some<T, Block, Taps>(chunk, f, 0, offset, taps, dw);
  if constexpr (Taps > 3) t = correlate_some<T, Block, 3>(chunk, f, t, offset, taps, dw);
  correlate_some<T, Block, 1>(chunk, f, t, offset, taps, dw);
}

/// dbias[f] += the sum of the strips of filter f.
template <class T>
void sum_strips(const Chunk<T>& chunk, int64_t filters, T* dbias) {
  for (int64_t f = 0; f < filters; ++f) {
    Vector<T> sum[2] = {};
    for (int64_t i = 0; i < chunk.images; ++i) {
      const T* d = chunk.dy + i * chunk.dy_image + f * chunk.dy_plane;
      int64_t p = 0;
      for (; p + 2 * kLanes<T> <= chunk.dy_plane; p += 2 * kLanes<T>) {
        sum[0] += load(d + p);
        sum[1] += load(d + p + kLanes<T>);
      }
      if (p < chunk.dy_plane) sum[0] += load(d + p);
    }
    dbias[f] += sum_lanes<T>(sum[0] + sum[1]);
  }
}

/// Spreads a plane of dy to a strip as correlate_step() wants it.
template <class T>
void spread(const ConvSizes& s, const T* dy, int64_t length, T* strip) {
  copy_rows(dy, s.out_width, strip, s.padded_width(), s.out_height, s.out_width, true);
  const int64_t rest = length % kLanes<T>;
  if (rest == 0) return;
  T* last = strip + length - rest;
  std::copy_backward(last, last + rest, last + kLanes<T>);
  std::fill(last, last + kLanes<T> - rest, T(0));
}

}  // namespace

template <class T>
bool fits(const ConvSizes& s) {
  return s.stride == 1 && s.taps() > 0 && s.image() > 0 && strip_length(s) >= kLanes<T>;
}

template <class T>
void forward(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* weight, const T* bias, T* y) {
  thread_local Scratch packed_space, offset_space, image_space, strip_space;
  const int64_t taps = s.taps(), filters = s.group_filters(), length = strip_length(s);
  T* packed = packed_space.take<T>(s.weights());
  for (int64_t g = 0; g < s.groups; ++g) {
    const T* w = weight + g * filters * taps;
    pack(
        filters, taps, [&](int64_t f, int64_t t) { return w[f * taps + t]; }, packed + g * filters * taps);
  }
  int64_t* offset = offset_space.take<int64_t>(taps);
  tap_offsets(s, s.group_channels(), s.padded_plane(), s.padded_width(), offset);
  T* space = image_space.take<T>(padded_image(s));
  std::fill(space, space + padded_image(s), T(0));
  T* strip = strip_space.take<T>(filters * length);
  for (int64_t row = panel.begin; row < panel.end; ++row) {
    const T* image = padded(s, in.image(row, s), space);
    for (int64_t g = 0; g < s.groups; ++g) {
      strips(image + g * s.group_channels() * s.padded_plane(), offset, taps, packed + g * filters * taps,
             bias ? bias + g * filters : nullptr, filters, length, strip, length);
      T* to = y + row * s.out_image() + g * filters * s.out_plane();
      for (int64_t f = 0; f < filters; ++f) {
        copy_rows(strip + f * length, s.padded_width(), to + f * s.out_plane(), s.out_width, s.out_height, s.out_width);
      }
    }
  }
}

template <class T>
void backward_input(const ConvSizes& s, const RowPanel& panel, const T* dy, const T* weight, T* dx_rows) {
  thread_local Scratch packed_space, offset_space, image_space, strip_space;
  // dy with a border on which every filter that touches a pixel of the padded input finds its output: the gradient of
  // padded pixel (i, j) sums weight[u, v] * dy[i - u, j - v].
  const int64_t top = s.kernel_height - 1, left = s.kernel_width - 1;
  const int64_t pitch = s.out_width + 2 * left, plane = (s.out_height + 2 * top) * pitch;
  const int64_t channels = s.group_channels(), filters = s.group_filters();
  const int64_t window = s.kernel_height * s.kernel_width, taps = filters * window;
  const int64_t length = (s.height - 1) * pitch + s.width, whole = std::max(length, kLanes<T>);

  T* packed = packed_space.take<T>(s.weights());
  for (int64_t g = 0; g < s.groups; ++g) {
    const T* w = weight + g * filters * s.taps();
    pack(
        channels, taps,
        [&](int64_t c, int64_t t) {
          const int64_t f = t / window, turned = window - 1 - t % window;
          return w[(f * channels + c) * window + turned];
        },
        packed + g * filters * s.taps());
  }
  int64_t* offset = offset_space.take<int64_t>(taps);
  tap_offsets(s, filters, plane, pitch, offset);
  T* image = image_space.take<T>(s.filters * plane + kLanes<T>);
  std::fill(image, image + s.filters * plane + kLanes<T>, T(0));
  T* strip = strip_space.take<T>(channels * whole);
  for (int64_t row = panel.begin; row < panel.end; ++row) {
    pad_planes(dy + row * s.out_image(), s.filters, s.out_height, s.out_width, image, plane, pitch, top, left);
    for (int64_t g = 0; g < s.groups; ++g) {
      // The strip starts where the input starts in its padding.
      strips<T>(image + g * filters * plane + s.padding * pitch + s.padding, offset, taps,
                packed + g * filters * s.taps(), nullptr, channels, whole, strip, whole);
      T* to = dx_rows + row * s.image() + g * channels * s.height * s.width;
      for (int64_t c = 0; c < channels; ++c) {
        copy_rows(strip + c * whole, pitch, to + c * s.height * s.width, s.width, s.height, s.width);
      }
    }
  }
}

template <class T>
void backward_weight(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* dy, T* dweight,
                     T* dbias) {
  thread_local Scratch offset_space, image_space, strip_space, pointer_space;
  const int64_t taps = s.taps(), filters = s.group_filters(), length = strip_length(s);
  const int64_t dy_plane = (length + kLanes<T> - 1) / kLanes<T> * kLanes<T>;
  // As many images at once as stay in the first cache while the taps pass over them.
  const int64_t image_bytes = (padded_image(s) + s.filters * dy_plane + 1) * static_cast<int64_t>(sizeof(T));
  const int64_t most = std::clamp<int64_t>(32768 / image_bytes, 1, panel.end - panel.begin);

  int64_t* offset = offset_space.take<int64_t>(taps);
  tap_offsets(s, s.group_channels(), s.padded_plane(), s.padded_width(), offset);
  T* space = image_space.take<T>(most * padded_image(s));
  std::fill(space, space + most * padded_image(s), T(0));
  T* strips = strip_space.take<T>(most * s.filters * dy_plane);
  const T** x = pointer_space.take<const T*>(most);
  if (dweight) std::fill(dweight, dweight + s.weights(), T(0));
  if (dbias) std::fill(dbias, dbias + s.filters, T(0));

  for (int64_t begin = panel.begin; begin < panel.end; begin += most) {
    const int64_t images = std::min(most, panel.end - begin);
    for (int64_t i = 0; i < images; ++i) {
      for (int64_t f = 0; f < s.filters; ++f) {
        spread(s, dy + (begin + i) * s.out_image() + f * s.out_plane(), length,
               strips + (i * s.filters + f) * dy_plane);
      }
    }
    const Chunk<T> all{strips, s.filters * dy_plane, dy_plane, x, images, length};
    if (dbias) sum_strips(all, s.filters, dbias);
    if (!dweight) continue;
    for (int64_t i = 0; i < images; ++i) x[i] = padded(s, in.image(begin + i, s), space + i * padded_image(s));
    for (int64_t g = 0; g < s.groups; ++g) {
      Chunk<T> chunk = all;
      chunk.dy += g * filters * dy_plane;
      T* dw = dweight + g * filters * taps;
      for (int64_t f = 0; f < filters;) {
        const int block = block_of(filters - f);
        switch (block) {
          case 4: correlate<T, 4, 3>(chunk, f, offset, taps, dw); break;
          case 2: correlate<T, 2, 3>(chunk, f, offset, taps, dw); break;
          default: correlate<T, 1, 9>(chunk, f, offset, taps, dw);
        }
        f += block;
      }
      for (int64_t i = 0; i < images; ++i) x[i] += s.group_channels() * s.padded_plane();
    }
  }
}

#define DIVVY_INSTANTIATE(T)                                                                             \
  template bool fits<T>(const ConvSizes&);                                                               \
  template void forward(const ConvSizes&, const RowPanel&, const ConvInput<T>&, const T*, const T*, T*); \
  template void backward_input(const ConvSizes&, const RowPanel&, const T*, const T*, T*);               \
  template void backward_weight(const ConvSizes&, const RowPanel&, const ConvInput<T>&, const T*, T*, T*);
DIVVY_INSTANTIATE(float)
DIVVY_INSTANTIATE(double)
#undef DIVVY_INSTANTIATE

}  // namespace divvy::kernels::DIVVY_TARGET::direct
DIVVY_TARGET_END;
