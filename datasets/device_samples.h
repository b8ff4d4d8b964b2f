#pragma once

#include "datasets/dataset.h"
#include "datasets/gather.h"

namespace divvy::data {

/// A dataset in the memory of a device, where batches are gathered, normalized and augmented: with the pixels, bit for
/// bit, that gather_augmented() gives on the CPU.
class DeviceSamples {
 public:
  /// Copies the dataset: images as they are stored, features normalized. Throws OutOfMemoryError, DeviceError.
  DeviceSamples(const Dataset& dataset, Device device);

  /// What that takes.
  static int64_t bytes(const Dataset& dataset);
  /// Whether it is at most half of what the device has left.
  static bool fit(const Dataset& dataset, Device device);

  /// The samples with these indices (i64 [n], on the device). y and target are undefined where the dataset has none.
  struct Samples {
    Tensor x, y, target;
  };
  /// As gather_augmented(): image i takes block i of the generator, which moves on by n blocks where images are
  /// changed.
  Samples gather(const Tensor& index, const Augmentation& augmentation, Generator& generator) const;

 private:
  Tensor x_, y_, target_, values_;
};

}  // namespace divvy::data
