#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::data {

/// How stored values become what a model reads: (v - mean[c]) / stddev[c], where c runs along axis 1 (the channels of
/// images, the columns of features); u8 values are divided by 255 first. Empty vectors leave out the affine part.
struct Normalization {
  std::vector<double> mean;
  std::vector<double> stddev;

  bool empty() const { return mean.empty(); }
  bool operator==(const Normalization&) const = default;
};

/// Samples with their labels, targets or both, on the CPU. Copying a Dataset shares the memory.
struct Dataset {
  std::string name;
  Tensor x;             ///< u8 [N, C, H, W] raw images, or f32 [N, D] features (or f32 images)
  Tensor y;             ///< i64 [N], class labels in [0, classes); undefined where there is nothing but a target
  int64_t classes = 0;  ///< 0 where y is undefined
  std::vector<std::string> class_names;  ///< empty, or one for each class
  Normalization normalization;           ///< of x
  Tensor target;                         ///< f32 [N, ...], what a regression learns; undefined for classification

  int64_t size() const { return x.defined() ? x.size(0) : 0; }
  /// The shape of one sample of x: [C, H, W] or [D].
  Shape sample_shape() const { return x.shape().range(1); }
  /// "7", or the name of class 7 where the classes have names.
  std::string class_name(int64_t label) const;

  /// A copy of the samples with these indices (i64 [n]), in this order; an index may come more than once. Throws
  /// ValueError for an index out of range.
  Dataset subset(const Tensor& indices) const;
  /// The samples [begin, end), as a view.
  Dataset slice(int64_t begin, int64_t end) const;
  /// How many samples each class has: `classes` numbers.
  std::vector<int64_t> class_counts() const;
};

/// The three parts that a training run needs. The test part is for the end only.
struct Splits {
  Dataset train;
  Dataset validation;
  Dataset test;
};

/// Checks everything that a Dataset promises: types, shapes, sizes that agree, labels in range (the error names the
/// first bad one and its index), finite features and targets, a usable normalization. Each reader and generator calls
/// it once; nothing later checks labels again. Throws DataError that names `source`, the file or recipe of the data.
void check(const Dataset& dataset, std::string_view source);

/// The mean and standard deviation (over N and all pixels, not corrected for the sample size) of each channel or column
/// of x: u8 values divided by 255, f32 values as they are. A column that is constant gets a deviation of 1. Measure the
/// training part and use it for the others. x: u8 or f32 [N, C, ...] with N >= 1.
Normalization measure_normalization(const Tensor& x);

}  // namespace divvy::data
