#pragma once

#include "datasets/dataset.h"
#include "datasets/gather.h"

namespace divvy::data {

/// A dataset in device memory, from which the device gathers, normalizes and augments batches. The pixels are bit for
/// bit those of gather_augmented() on the CPU.
class DeviceSamples {
 public:
  /// Copies the dataset: u8 images as stored, f32 features normalized. Throws OutOfMemoryError, DeviceError.
  DeviceSamples(const Dataset& dataset, Device device);

  /// The device memory that this takes.
  static int64_t bytes(const Dataset& dataset);
  /// Whether that is at most half of the memory available on the device.
  static bool fit(const Dataset& dataset, Device device);

  /// A batch on the device; y and target are undefined if the dataset has none.
  struct Samples {
    Tensor x, y, target;
  };
  /// The samples with these indices (i64 [n], on the device), made as by gather_augmented(): image i uses block i of
  /// the generator, which advances by n blocks if there is an augmentation.
  Samples gather(const Tensor& index, const Augmentation& augmentation, Generator& generator) const;

 private:
  Tensor x_, y_, target_, values_;
};

}  // namespace divvy::data
