#pragma once

#include <cstdint>
#include <span>

#include "datasets/dataset.h"
#include "kernels/gather_samples.h"
#include "tensor/generator.h"

namespace divvy::data {

/// Random augmentation of the stored pixels of training images, before normalization: a horizontal flip with
/// probability one half, and a random crop of the original size from the image padded by `crop_padding` pixels on each
/// side, with zeros or, with `reflect`, by reflection without repeating the edge.
struct Augmentation {
  bool flip = false;
  int64_t crop_padding = 0;
  bool reflect = false;

  bool none() const { return !flip && crop_padding == 0; }
};

/// Throws ValueError if the augmentation cannot be applied to samples of this shape: they must be images [C, H, W],
/// larger than the padding for `reflect`.
void check_augmentation(const Augmentation& augmentation, const Shape& sample);

/// The augmentation as an argument of kernels, with the next blocks of the generator.
kernels::SampleChanges changes_of(const Augmentation& augmentation, const Generator& generator);

/// Normalized values. For u8: f32 [C, 256], the normalized value of every byte in each channel; for f32: f32 [C, 1],
/// that of 0. Padding has the normalized value of 0.
Tensor normalized_values(const Dataset& dataset);

/// out[i] = (x[index[i]] - mean) / stddev, u8 divided by 255 first; in one pass, on the calling thread. out: f32 [n, C,
/// ...]. Indices must be in range.
void gather_normalized(const Dataset& dataset, std::span<const int64_t> index, Tensor& out);

/// The same with augmentation, for images only: image i uses block i of the generator, which advances by n blocks.
void gather_augmented(const Dataset& dataset, std::span<const int64_t> index, const Augmentation& augmentation,
                      Generator& generator, Tensor& out);

}  // namespace divvy::data
