#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "datasets/dataset.h"

namespace divvy::data {

/// The bytes of an IDX file of type 0x08 (unsigned bytes; yann.lecun.com/exdb/mnist), plain or gzip-compressed, as a u8
/// tensor of the shape in its header. Sizes are checked against the file before memory is allocated. Throws DataError
/// that names the path if the file is missing, not IDX, of another type, of another rank than `rank` (unless 0), cut
/// off, longer than its header states, or damaged.
Tensor load_idx(const std::string& path, int rank = 0);

/// Properties of a pair of IDX files that are not in the files.
struct IdxDescription {
  std::string name;
  int64_t classes = 10;
  std::vector<std::string> class_names = {};
  Normalization normalization = {};
};

/// The images [N, H, W] of one file, as u8 [N, 1, H, W], with the labels [N] of another. Throws DataError as load_idx()
/// does, if the files disagree about N, and for a label outside [0, classes).
Dataset load_idx_pair(const std::string& images, const std::string& labels, const IdxDescription& description);

/// The original names of the files of MNIST and Fashion-MNIST: training images and labels, test images and labels.
inline constexpr std::array<const char*, 4> kMnistFiles = {"train-images-idx3-ubyte", "train-labels-idx1-ubyte",
                                                           "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"};

struct MnistOptions {
  uint64_t seed = 42;          ///< seeds the division into training and validation
  int64_t validation = 10000;  ///< how many of the training images are set aside
};

/// MNIST from a folder with the four original files (train-images-idx3-ubyte, ..., t10k-labels-idx1-ubyte; plain or
/// .gz): 60,000 images 28 x 28, divided 50,000 / 10,000 by the seed, and the 10,000 test images. Normalized by mean
/// 0.1307 and deviation 0.3081. Throws DataError for files that are missing, invalid or not of 28 x 28 pixels,
/// ValueError if there are fewer than `validation` training images.
Splits load_mnist(const std::string& folder, const MnistOptions& options = {});

/// Fashion-MNIST (Xiao et al. 2017), from files of the same names; mean 0.2859, deviation 0.3530.
Splits load_fashion_mnist(const std::string& folder, const MnistOptions& options = {});

/// The path of an original file in a folder in any of its spellings ("-idx3-" or ".idx3-"; plain before .gz), or empty
/// if it is missing.
std::string find_idx(const std::string& folder, const std::string& original_name);

}  // namespace divvy::data
