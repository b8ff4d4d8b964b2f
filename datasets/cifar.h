#pragma once

#include <array>
#include <cstdint>
#include <string>

#include "datasets/dataset.h"

namespace divvy::data {

/// One file of the binary version of CIFAR-10 (cs.toronto.edu/~kriz/cifar.html): records of a label byte and 3 x 32 x
/// 32 pixels. x: u8 [N, 3, 32, 32]; normalized by mean 0.49 0.48 0.45 and deviation 0.25 0.24 0.26. Throws DataError
/// with the path if the file is missing, is not a whole number of records, or has a label above 9.
Dataset load_cifar10_file(const std::string& path);

/// One file of the binary version of CIFAR-100: a coarse label (20 superclasses), a fine label (100 classes) and the
/// pixels. Normalized by mean 0.5074 0.4867 0.4411 and deviation 0.2011 0.1987 0.2025.
Dataset load_cifar100_file(const std::string& path, bool superclasses = false);

struct CifarOptions {
  uint64_t seed = 42;          ///< seeds the division into training and validation
  int64_t validation = 10000;  ///< how many of the training images are set aside
  int64_t batches = 5;         ///< how many of the five training files of CIFAR-10 to read, from the first on
};

/// The original names: the training files, then the test file.
inline constexpr std::array<const char*, 6> kCifar10Files = {"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin",
                                                             "data_batch_4.bin", "data_batch_5.bin", "test_batch.bin"};
inline constexpr std::array<const char*, 2> kCifar100Files = {"train.bin", "test.bin"};

/// CIFAR-10 from a folder with the six files: 40,000 training, 10,000 validation and 10,000 test images. Throws
/// DataError as load_cifar10_file() does, ValueError if there are fewer than `validation` training images.
Splits load_cifar10(const std::string& folder, const CifarOptions& options = {});

/// CIFAR-100 from a folder with train.bin and test.bin, divided in the same way; labels are the 100 classes or the 20
/// superclasses.
Splits load_cifar100(const std::string& folder, const CifarOptions& options = {}, bool superclasses = false);

}  // namespace divvy::data
