#include <algorithm>

#include "kernels/cpu/conv2d/paths.h"
#include "kernels/cpu/planes.h"
#include "kernels/cpu/product/product.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/simd/dot.h"
#include "kernels/cpu/target.h"

/// The columns of a group of channels are a matrix [taps, images * out_plane]: what each tap of the filter sees at each
/// output pixel. Then y = W columns, dW = dy columns^T and dcolumns = W^T dy, where y and dy are [filters, images *
/// out_plane]: for a single image these are the tensors themselves, several images are gathered.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::im2col {

namespace {

/// Images of a panel that go through one product.
struct Batch {
  int64_t begin, images;
  int64_t columns(const ConvSizes& s) const { return images * s.out_plane(); }
};

/// Calls f for the batches of a panel in order.
template <class F>
void for_batches(const ConvSizes& s, const RowPanel& panel, const F& f) {
  const int64_t most = images_per_product(s);
  for (int64_t begin = panel.begin; begin < panel.end; begin += most)
    f(Batch{begin, std::min(most, panel.end - begin)});
}

int64_t largest_batch(const ConvSizes& s, const RowPanel& panel) {
  return std::min(images_per_product(s), panel.end - panel.begin);
}

/// The elements of a tap's row, H' x W' of them, from the padded plane in which the tap starts at `from`; and the
/// reverse, added.
template <class T>
void read_tap(const ConvSizes& s, const T* from, T* to) {
  if (s.stride == 1) return copy_rows(from, s.padded_width(), to, s.out_width, s.out_height, s.out_width);
  for (int64_t i = 0; i < s.out_height; ++i) {
    for (int64_t j = 0; j < s.out_width; ++j) to[j] = from[j * s.stride];
    from += s.stride * s.padded_width();
    to += s.out_width;
  }
}

template <class T>
void add_tap(const ConvSizes& s, const T* __restrict from, T* __restrict to) {
  for (int64_t i = 0; i < s.out_height; ++i) {
    if (s.stride == 1) {
      for (int64_t j = 0; j < s.out_width; ++j) to[j] += from[j];
    } else {
      for (int64_t j = 0; j < s.out_width; ++j) to[j * s.stride] += from[j];
    }
    from += s.out_width;
    to += s.stride * s.padded_width();
  }
}

/// Calls f(tap, offset of the tap in a group of padded planes).
template <class F>
void for_taps(const ConvSizes& s, const F& f) {
  int64_t tap = 0;
  for (int64_t c = 0; c < s.group_channels(); ++c) {
    for (int64_t u = 0; u < s.kernel_height; ++u) {
      for (int64_t v = 0; v < s.kernel_width; ++v) f(tap++, c * s.padded_plane() + u * s.padded_width() + v);
    }
  }
}

/// The columns of group g of a batch. `space` holds a padded group whose border is zero.
template <class T>
void fill_columns(const ConvSizes& s, const Batch& batch, const ConvInput<T>& in, int64_t g, T* space, T* columns) {
  const int64_t group = s.group_channels() * s.height * s.width, row = batch.columns(s);
  for (int64_t n = 0; n < batch.images; ++n) {
    const T* image = in.image(batch.begin + n, s) + g * group;
    if (s.padding > 0) {
      pad_planes(image, s.group_channels(), s.height, s.width, space, s.padded_plane(), s.padded_width(), s.padding,
                 s.padding);
      image = space;
    }
    T* to = columns + n * s.out_plane();
    for_taps(s, [&](int64_t tap, int64_t offset) { read_tap(s, image + offset, to + tap * row); });
  }
}

/// [filters of the group, images * out_plane] from y or dy, and back.
template <class T>
const T* gathered(const ConvSizes& s, const Batch& batch, const T* y, int64_t g, T* space) {
  const T* first = y + batch.begin * s.out_image() + g * s.group_filters() * s.out_plane();
  if (batch.images == 1) return first;
  for (int64_t f = 0; f < s.group_filters(); ++f) {
    copy_rows(first + f * s.out_plane(), s.out_image(), space + f * batch.columns(s), s.out_plane(), batch.images,
              s.out_plane());
  }
  return space;
}

template <class T>
void scatter(const ConvSizes& s, const Batch& batch, const T* result, int64_t g, T* y) {
  T* first = y + batch.begin * s.out_image() + g * s.group_filters() * s.out_plane();
  for (int64_t n = 0; n < batch.images; ++n) {
    copy_rows(result + n * s.out_plane(), batch.columns(s), first + n * s.out_image(), s.out_plane(), s.group_filters(),
              s.out_plane());
  }
}

int64_t padded_group(const ConvSizes& s) { return s.group_channels() * s.padded_plane(); }

}  // namespace

int64_t images_per_product(const ConvSizes& s) {
  return std::max<int64_t>(1, 256 / std::max<int64_t>(1, s.out_plane()));
}

template <class T>
void forward(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* weight, const T* bias, T* y,
             Precision precision) {
  thread_local Scratch image_space, column_space, result_space;
  const int64_t most = largest_batch(s, panel) * s.out_plane();
  T* space = image_space.take<T>(padded_group(s));
  std::fill(space, space + padded_group(s), T(0));
  T* columns = column_space.take<T>(s.taps() * most);
  T* several = result_space.take<T>(s.group_filters() * most);
  const Product<T> multiply(precision);
  for_batches(s, panel, [&](const Batch& batch) {
    for (int64_t g = 0; g < s.groups; ++g) {
      const int64_t filters = s.group_filters(), f = g * filters;
      fill_columns(s, batch, in, g, space, columns);
      T* result = batch.images == 1 ? y + batch.begin * s.out_image() + f * s.out_plane() : several;
      const int64_t row = batch.columns(s);
      for (int64_t i = 0; i < filters; ++i) std::fill_n(result + i * row, row, bias ? bias[f + i] : T(0));
      multiply(filters, row, s.taps(), {weight + f * s.taps(), s.taps()}, {columns, row}, {result, row, true});
      if (batch.images > 1) scatter(s, batch, result, g, y);
    }
  });
}

template <class T>
void backward_input(const ConvSizes& s, const RowPanel& panel, const T* dy, const T* weight, T* dx_rows,
                    Precision precision) {
  thread_local Scratch image_space, column_space, upstream_space;
  const int64_t most = largest_batch(s, panel) * s.out_plane();
  T* space = image_space.take<T>(padded_group(s));
  T* columns = column_space.take<T>(s.taps() * most);
  T* several = upstream_space.take<T>(s.group_filters() * most);
  const Product<T> multiply(precision);
  for_batches(s, panel, [&](const Batch& batch) {
    for (int64_t g = 0; g < s.groups; ++g) {
      const int64_t filters = s.group_filters(), row = batch.columns(s);
      multiply(s.taps(), row, filters, {weight + g * filters * s.taps(), s.taps(), true},
               {gathered(s, batch, dy, g, several), row}, {columns, row});
      for (int64_t n = 0; n < batch.images; ++n) {
        std::fill(space, space + padded_group(s), T(0));
        const T* from = columns + n * s.out_plane();
        for_taps(s, [&](int64_t tap, int64_t offset) { add_tap(s, from + tap * row, space + offset); });
        T* to = dx_rows + (batch.begin + n) * s.image() + g * s.group_channels() * s.height * s.width;
        for (int64_t c = 0; c < s.group_channels() && s.image() > 0; ++c) {
          copy_rows(space + c * s.padded_plane() + s.padding * s.padded_width() + s.padding, s.padded_width(),
                    to + c * s.height * s.width, s.width, s.height, s.width);
        }
      }
    }
  });
}

template <class T>
void backward_weight(const ConvSizes& s, const RowPanel& panel, const ConvInput<T>& in, const T* dy, T* dweight,
                     T* dbias, Precision precision) {
  thread_local Scratch image_space, column_space, upstream_space;
  const int64_t most = largest_batch(s, panel) * s.out_plane();
  T* space = image_space.take<T>(padded_group(s));
  std::fill(space, space + padded_group(s), T(0));
  T* columns = column_space.take<T>(s.taps() * most);
  T* several = upstream_space.take<T>(s.group_filters() * most);
  const Product<T> multiply(precision);
  for_batches(s, panel, [&](const Batch& batch) {
    const bool first = batch.begin == panel.begin;
    for (int64_t g = 0; g < s.groups; ++g) {
      const int64_t filters = s.group_filters(), f = g * filters;
      const int64_t row = batch.columns(s);
      const T* upstream = gathered(s, batch, dy, g, several);
      if (dweight) {
        fill_columns(s, batch, in, g, space, columns);
        multiply(filters, s.taps(), row, {upstream, row}, {columns, row, true},
                 {dweight + f * s.taps(), s.taps(), !first});
      }
      if (dbias) {
        for (int64_t i = 0; i < filters; ++i) {
          dbias[f + i] = (first ? T(0) : dbias[f + i]) + sum_run(upstream + i * row, row);
        }
      }
    }
  });
}

#define DIVVY_INSTANTIATE(T)                                                                                        \
  template void forward(const ConvSizes&, const RowPanel&, const ConvInput<T>&, const T*, const T*, T*, Precision); \
  template void backward_input(const ConvSizes&, const RowPanel&, const T*, const T*, T*, Precision);               \
  template void backward_weight(const ConvSizes&, const RowPanel&, const ConvInput<T>&, const T*, T*, T*, Precision);
DIVVY_INSTANTIATE(float)
DIVVY_INSTANTIATE(double)
#undef DIVVY_INSTANTIATE

}  // namespace divvy::kernels::DIVVY_TARGET::im2col
DIVVY_TARGET_END;
