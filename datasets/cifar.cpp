#include "datasets/cifar.h"

#include <cstring>
#include <filesystem>
#include <span>

#include "datasets/byte_reader.h"
#include "datasets/compose.h"
#include "datasets/split.h"

namespace divvy::data {

namespace {

constexpr int64_t kPixels = 3 * 32 * 32;

/// The differences between the two formats.
struct Format {
  const char* name;
  int64_t label_bytes;
  int64_t label_at;  // which of them is the label
  int64_t classes;
  std::vector<std::string> class_names;
  Normalization normalization;
};

Format cifar10() {
  return {"cifar10",
          1,
          0,
          10,
          {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"},
          {{0.49, 0.48, 0.45}, {0.25, 0.24, 0.26}}};
}

Format cifar100(bool superclasses) {
  return {superclasses ? "cifar100-superclasses" : "cifar100", 2, superclasses ? 0 : 1, superclasses ? 20 : 100, {},
          {{0.5074, 0.4867, 0.4411}, {0.2011, 0.1987, 0.2025}}};
}

Dataset load_file(const std::string& path, const Format& format) {
  const int64_t record = format.label_bytes + kPixels;
  ByteReader reader(path);
  std::error_code error;
  const auto bytes = static_cast<int64_t>(std::filesystem::file_size(path, error));
  if (error || bytes == 0 || bytes % record != 0) {
    fail<DataError>("{}: its {} bytes are not a whole number of records of {} bytes", path, error ? 0 : bytes, record);
  }
  reader.expect(bytes);
  const int64_t count = bytes / record;
  Tensor records = Tensor::empty({count, record}, DType::u8);
  reader.read(records.mutable_bytes(), bytes, "the data");
  reader.expect_end();

  Dataset d;
  d.name = format.name;
  d.classes = format.classes;
  d.class_names = format.class_names;
  d.normalization = format.normalization;
  d.x = Tensor::empty({count, 3, 32, 32}, DType::u8);
  d.y = Tensor::empty({count}, DType::i64);
  const uint8_t* from = records.data<uint8_t>();
  uint8_t* pixels = d.x.mutable_data<uint8_t>();
  int64_t* labels = d.y.mutable_data<int64_t>();
  for (int64_t i = 0; i < count; ++i, from += record, pixels += kPixels) {
    labels[i] = from[format.label_at];
    std::memcpy(pixels, from + format.label_bytes, kPixels);
  }
  check(d, path);
  return d;
}

Splits load_folder(const std::string& folder, std::span<const char* const> files, const Format& format,
                   const CifarOptions& options) {
  std::vector<std::string> paths, missing;
  for (const char* file : files) {
    paths.push_back((std::filesystem::path(folder) / file).string());
    std::error_code ignored;
    if (!std::filesystem::exists(paths.back(), ignored)) missing.push_back(file);
  }
  if (!missing.empty())
    fail<DataError>("{}: {} {} not there", folder, fmt::join(missing, ", "), missing.size() == 1 ? "is" : "are");

  Splits splits;
  splits.test = load_file(paths.back(), format);
  std::vector<Dataset> parts;
  for (size_t i = 0; i + 1 < paths.size(); ++i) parts.push_back(load_file(paths[i], format));
  const Dataset train = parts.size() == 1 ? std::move(parts.front()) : concat(parts);
  parts.clear();
  if (options.validation < 0 || options.validation > train.size()) {
    fail<ValueError>("{}: cannot set aside {} of {} training images for validation", format.name, options.validation,
                     train.size());
  }
  Generator generator(options.seed);
  auto divided = split_counts(train, {train.size() - options.validation, options.validation}, generator);
  splits.train = std::move(divided[0]);
  splits.validation = std::move(divided[1]);
  return splits;
}

}  // namespace

Dataset load_cifar10_file(const std::string& path) { return load_file(path, cifar10()); }

Dataset load_cifar100_file(const std::string& path, bool superclasses) {
  return load_file(path, cifar100(superclasses));
}

Splits load_cifar10(const std::string& folder, const CifarOptions& options) {
  if (options.batches < 1 || options.batches > 5) {
    fail<ValueError>("cifar10: there are 1 to 5 training files, not {}", options.batches);
  }
  std::vector<const char*> files(kCifar10Files.begin(), kCifar10Files.begin() + options.batches);
  files.push_back(kCifar10Files.back());
  return load_folder(folder, files, cifar10(), options);
}

Splits load_cifar100(const std::string& folder, const CifarOptions& options, bool superclasses) {
  return load_folder(folder, kCifar100Files, cifar100(superclasses), options);
}

}  // namespace divvy::data
