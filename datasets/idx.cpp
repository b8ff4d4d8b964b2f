#include "datasets/idx.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "datasets/byte_reader.h"
#include "datasets/split.h"

namespace divvy::data {

namespace {

constexpr uint8_t kUnsignedByte = 0x08;
constexpr int kMaxRank = 4;

/// Reads the header and checks it against the file.
Shape read_header(ByteReader& reader, int rank) {
  std::array<uint8_t, 4> magic{};
  reader.read(magic.data(), 4, "the header");
  if (magic[0] != 0 || magic[1] != 0) {
    fail<DataError>("{}: not an IDX file: it begins with {:02x} {:02x} {:02x} {:02x}", reader.path(), magic[0],
                    magic[1], magic[2], magic[3]);
  }
  if (magic[2] != kUnsignedByte) {
    fail<DataError>("{}: its elements are of type 0x{:02x}; only 0x08, unsigned bytes, is read", reader.path(),
                    magic[2]);
  }
  if (magic[3] < 1 || magic[3] > kMaxRank || (rank != 0 && magic[3] != rank)) {
    fail<DataError>("{}: it has {} axes where {} are expected", reader.path(), magic[3],
                    rank == 0 ? fmt::format("1 to {}", kMaxRank) : std::to_string(rank));
  }
  std::array<int64_t, kMaxRank> sizes{};
  int64_t elements = 1;
  for (size_t axis = 0; axis < magic[3]; ++axis) {
    std::array<uint8_t, 4> size{};
    reader.read(size.data(), 4, "the header");
    for (const uint8_t byte : size) sizes[axis] = sizes[axis] << 8 | byte;
    if (sizes[axis] > 0 && __builtin_mul_overflow(elements, sizes[axis], &elements)) {
      fail<DataError>("{}: by its header it has more bytes than can be counted", reader.path());
    }
  }
  const Shape shape(std::span<const int64_t>(sizes.data(), magic[3]));
  reader.expect(shape.numel());
  return shape;
}

std::string require_idx(const std::string& folder, const std::string& original_name) {
  const std::string path = find_idx(folder, original_name);
  if (path.empty()) fail<DataError>("{}: neither {} nor {}.gz is there", folder, original_name, original_name);
  return path;
}

Splits load_folder(const std::string& folder, const IdxDescription& description, const MnistOptions& options) {
  // Paths are found first: a missing file should not be reported only after seconds of decompression.
  std::array<std::string, 4> paths;
  for (size_t i = 0; i < 4; ++i) paths[i] = require_idx(folder, kMnistFiles[i]);
  const Dataset train = load_idx_pair(paths[0], paths[1], description);
  Splits splits;
  splits.test = load_idx_pair(paths[2], paths[3], description);
  for (size_t i : {0, 2}) {
    const Shape shape = (i == 0 ? train : splits.test).sample_shape();
    if (shape != Shape{1, 28, 28}) {
      fail<DataError>("{}: images must be 28 x 28, got {} x {}", paths[i], shape[1], shape[2]);
    }
  }
  if (options.validation < 0 || options.validation > train.size()) {
    fail<ValueError>("{}: cannot set aside {} of {} training images for validation", description.name,
                     options.validation, train.size());
  }
  Generator generator(options.seed);
  auto parts = split_counts(train, {train.size() - options.validation, options.validation}, generator);
  splits.train = std::move(parts[0]);
  splits.validation = std::move(parts[1]);
  return splits;
}

}  // namespace

Tensor load_idx(const std::string& path, int rank) {
  ByteReader reader(path);
  Tensor result = Tensor::empty(read_header(reader, rank), DType::u8);
  reader.read(result.mutable_bytes(), result.nbytes(), "the data");
  reader.expect_end();
  return result;
}

Dataset load_idx_pair(const std::string& images, const std::string& labels, const IdxDescription& description) {
  // Labels are read first: they are small, and without them decompressing the images is a waste.
  const Tensor classes = load_idx(labels, 1);
  const Tensor pixels = load_idx(images, 3);
  if (pixels.size(0) != classes.size(0)) {
    fail<DataError>("{} has {} images, but {} has {} labels", images, pixels.size(0), labels, classes.size(0));
  }
  Dataset d;
  d.name = description.name;
  d.x = pixels.reshape(Shape{pixels.size(0), 1, pixels.size(1), pixels.size(2)});
  d.y = Tensor::empty(classes.shape(), DType::i64);
  std::ranges::copy(classes.values<uint8_t>(), d.y.mutable_data<int64_t>());
  d.classes = description.classes;
  d.class_names = description.class_names;
  d.normalization = description.normalization;
  check(d, labels);
  return d;
}

Splits load_mnist(const std::string& folder, const MnistOptions& options) {
  return load_folder(folder, {.name = "mnist", .normalization = {{0.1307}, {0.3081}}}, options);
}

Splits load_fashion_mnist(const std::string& folder, const MnistOptions& options) {
  return load_folder(folder,
                     {.name = "fashion-mnist",
                      .class_names = {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt",
                                      "Sneaker", "Bag", "Ankle boot"},
                      .normalization = {{0.2859}, {0.3530}}},
                     options);
}

std::string find_idx(const std::string& folder, const std::string& original_name) {
  std::string dotted = original_name;
  if (const auto at = dotted.find("-idx"); at != std::string::npos) dotted[at] = '.';
  for (const std::string& name : {original_name, dotted, original_name + ".gz", dotted + ".gz"}) {
    const auto path = std::filesystem::path(folder) / name;
    std::error_code ignored;
    if (std::filesystem::exists(path, ignored)) return path.string();
  }
  return {};
}

}  // namespace divvy::data
