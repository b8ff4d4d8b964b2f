#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/tensor.h"

namespace divvy::data {

/// The map from stored values v to the inputs of a model: (v - mean[c]) / stddev[c], where c is the index of axis 1
/// (channels of images, columns of features); u8 values are divided by 255 first. With empty vectors that is all.
struct Normalization {
  std::vector<double> mean;
  std::vector<double> stddev;

  bool empty() const { return mean.empty(); }
  bool operator==(const Normalization&) const = default;
};

/// Samples with their labels, targets or both, on the CPU. Copying a Dataset shares the memory.
struct Dataset {
  std::string name;
  Tensor x;                              ///< u8 [N, C, H, W] raw images, or f32 [N, D] features (or f32 images)
  Tensor y;                              ///< i64 [N], class labels in [0, classes); undefined if there are only targets
  int64_t classes = 0;                   ///< 0 if y is undefined
  std::vector<std::string> class_names;  ///< empty, or one for each class
  Normalization normalization;           ///< of x
  Tensor target;                         ///< f32 [N, ...], targets of a regression; undefined for classification

  int64_t size() const { return x.defined() ? x.size(0) : 0; }
  /// The shape of one sample of x: [C, H, W] or [D].
  Shape sample_shape() const { return x.shape().range(1); }
  /// The name of a class, or its number such as "7" if the classes have no names.
  std::string class_name(int64_t label) const;

  /// A copy of the samples with these indices (i64 [n]), in this order; an index may occur more than once. Throws
  /// ValueError for an index out of range.
  Dataset subset(const Tensor& indices) const;
  /// The samples [begin, end), as a view.
  Dataset slice(int64_t begin, int64_t end) const;
  /// The number of samples of each class: `classes` numbers.
  std::vector<int64_t> class_counts() const;
};

/// The three parts that a training run needs. The test part is used only at the end.
struct Splits {
  Dataset train;
  Dataset validation;
  Dataset test;
};

/// Checks the invariants of a Dataset: types, shapes, consistent sizes, labels in range (the error names the first bad
/// one and its index), finite features and targets, a valid normalization. Each reader and generator calls it once;
/// labels are not checked again later. Throws DataError that names `source`, the file or generator of the data.
void check(const Dataset& dataset, std::string_view source);

/// The mean and the population standard deviation (over N and all pixels) of each channel or column of x: u8 values
/// divided by 255, f32 values as they are. A constant column gets a deviation of 1. Measure the training part and use
/// the result for the others. x: u8 or f32 [N, C, ...] with N >= 1.
Normalization measure_normalization(const Tensor& x);

}  // namespace divvy::data
