#pragma once

#include <cstdint>
#include <span>

#include "datasets/dataset.h"
#include "kernels/gather_samples.h"
#include "tensor/generator.h"

namespace divvy::data {

/// Random changes of training images, of the stored pixels before normalization: a mirror image with probability one
/// half, and a window of the image's own size cut at a random place out of the image with `crop_padding` more pixels on
/// each side, which are 0 or, with `reflect`, the mirror image without the edge itself.
struct Augmentation {
  bool flip = false;
  int64_t crop_padding = 0;
  bool reflect = false;

  bool none() const { return !flip && crop_padding == 0; }
};

/// Throws ValueError where the augmentation does not suit samples of this shape: they must be images [C, H, W], and to
/// reflect takes images larger than the padding.
void check_augmentation(const Augmentation& augmentation, const Shape& sample);

/// The augmentation as kernels/ takes it, with the blocks that the generator gives next.
kernels::SampleChanges changes_of(const Augmentation& augmentation, const Generator& generator);

/// What stored values become. For u8: f32 [C, 256], the value of each of them in each channel; for f32: f32 [C, 1],
/// that of 0. The padding of an augmentation has the value of 0.
Tensor normalized_values(const Dataset& dataset);

/// out[i] = (x[index[i]] - mean) / stddev, u8 divided by 255 first; in one pass, on the calling thread. out: f32
/// [n, C, ...]. Indices are within the dataset.
void gather_normalized(const Dataset& dataset, std::span<const int64_t> index, Tensor& out);

/// The same with augmentation: image i takes block i of the generator, which moves on by n blocks. Images only.
void gather_augmented(const Dataset& dataset, std::span<const int64_t> index, const Augmentation& augmentation,
                      Generator& generator, Tensor& out);

}  // namespace divvy::data
