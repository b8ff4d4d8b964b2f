#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// How images [C, H, W] change on their way into a batch: image i of the batch takes words w[0..3] of block offset + i
/// of Generator(seed, stream). Its window begins (w[0] * (2 padding + 1) >> 32) - padding rows below and (w[1] * (2
/// padding + 1) >> 32) - padding columns right of its corner, and is mirrored where `flip` is set and w[2] is odd.
struct SampleChanges {
  bool flip = false;
  int64_t padding = 0;
  bool reflect = false;  ///< what lies outside is the mirror image without the edge, or else padding
  uint64_t seed = 0, stream = 0, offset = 0;

  bool none() const { return !flip && padding == 0; }
};

/// y[i, c, ...] = value of x[index[i], c, ...], changed by `changes`. y: f32 [n, C, ...], not x. The values are
///
///     x u8 [N, C, ...]:   values[c, x],  values: f32 [C, 256];  the padding is values[c, 0]
///     x f32 [N, C, ...]:  x itself,      values: f32 [C, 1];    the padding is values[c, 0]
///
/// index: i64 [n]. Throws ValueError for an index outside [0, N) (on a GPU with the next copy to the host), for changes
/// of what is no [N, C, H, W], and for a padding above H or W, or not below with `reflect`.
void gather_samples(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes,
                    Tensor& y);

DIVVY_BACKENDS(gather_samples);

}  // namespace divvy::kernels
