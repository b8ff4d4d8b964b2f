#include "datasets/catalog.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <filesystem>

#include "datasets/cifar.h"
#include "datasets/compose.h"
#include "datasets/csv.h"
#include "datasets/glyphs.h"
#include "datasets/idx.h"
#include "datasets/split.h"
#include "datasets/toy.h"

namespace divvy::data {

namespace {

// The streams of the seed that the catalog uses.
constexpr uint64_t kPointStream = 0xca7a'0001, kSplitStream = 0xca7a'0002, kDrawStream = 0xca7a'0003;

std::string under(const LoadOptions& options, const char* name) {
  return (std::filesystem::path(options.data_root) / name).string();
}

/// "folder/name" for each name.
template <class Names>
std::vector<std::string> in_folder(const char* folder, const Names& names) {
  std::vector<std::string> files;
  for (const char* name : names) files.push_back(fmt::format("{}/{}", folder, name));
  return files;
}

PartSizes divided(int64_t count) {
  const auto counts = counts_of(count, {0.7, 0.1, 0.2});
  return {counts[0], counts[1], counts[2]};
}

Splits divide(const Dataset& all, uint64_t seed) {
  Generator generator = Generator(seed).split(kSplitStream);
  const auto stratify = all.y.defined() ? Stratify::yes : Stratify::no;
  auto parts = split_fractions(all, {0.7, 0.1, 0.2}, generator, stratify);
  return {std::move(parts[0]), std::move(parts[1]), std::move(parts[2])};
}

/// A toy set of `count` points in the plane, or on a line.
CatalogEntry points(const char* name, const char* description, int64_t classes, int64_t count,
                    std::function<Dataset(Generator&, int64_t)> make) {
  return {.name = name,
          .description = description,
          .sample = classes == 0 ? "1" : "2",
          .classes = classes,
          .sizes = divided(count),
          .load = [make = std::move(make), count](const LoadOptions& options) {
            Generator generator = Generator(options.seed).split(kPointStream);
            return divide(make(generator, count), options.seed);
          }};
}

/// A table in the folder tabular.
CatalogEntry table(const char* name, const char* description, const char* file, int64_t features, int64_t classes,
                   int64_t rows, CsvOptions csv) {
  return {.name = name,
          .description = description,
          .sample = std::to_string(features),
          .classes = classes,
          .sizes = divided(rows),
          .files = {fmt::format("tabular/{}", file)},
          .load = [name, file, csv = std::move(csv)](const LoadOptions& options) {
            Dataset all = load_csv((std::filesystem::path(under(options, "tabular")) / file).string(), csv);
            all.name = name;
            Splits splits = divide(all, options.seed);
            const Normalization measured = measure_normalization(splits.train.x);
            for (Dataset* part : {&splits.train, &splits.validation, &splits.test}) part->normalization = measured;
            return splits;
          }};
}

/// MNIST with a long tail: every part keeps all of its zeros, but only a tenth of its nines.
Splits imbalanced_mnist(const LoadOptions& options) {
  Splits splits = load_mnist(under(options, "mnist"), {.seed = options.seed});
  Generator generator = Generator(options.seed).split(kDrawStream);
  for (Dataset* part : {&splits.train, &splits.validation, &splits.test}) {
    *part = imbalanced(*part, 0.1, generator);
    part->name = "mnist-imbalanced";
  }
  return splits;
}

constexpr PartSizes kClothesAndDigits = {834 * 12, 167 * 12, 167 * 12};

/// Clothes 0 to 5 and digits 4 to 9 as one task of 12 balanced classes.
Splits clothes_and_digits(const LoadOptions& options) {
  const Splits clothes = load_fashion_mnist(under(options, "fashion-mnist"), {.seed = options.seed});
  const Splits digits = load_mnist(under(options, "mnist"), {.seed = options.seed});
  Generator generator = Generator(options.seed).split(kDrawStream);
  const auto draw = [&](const Dataset& a, const Dataset& b, int64_t count) {
    const Dataset both = join_classes(keep_classes(a, {0, 1, 2, 3, 4, 5}), keep_classes(b, {4, 5, 6, 7, 8, 9}));
    Dataset drawn = take_per_class(both, std::vector<int64_t>(12, count / 12), generator);
    drawn.name = "fashion-mnist-and-mnist";
    drawn.normalization = {{0.5}, {0.5}};
    return drawn;
  };
  return {draw(clothes.train, digits.train, kClothesAndDigits.train),
          draw(clothes.validation, digits.validation, kClothesAndDigits.validation),
          draw(clothes.test, digits.test, kClothesAndDigits.test)};
}

void add_generated(std::vector<CatalogEntry>& to) {
  to.push_back({.name = "glyphs",
                .description = "digits drawn with a pen: turned, bent, shifted, noisy",
                .sample = "1 x 28 x 28",
                .classes = 10,
                .sizes = {9000, 1000, 2000},
                .load = [](const LoadOptions& options) { return glyph_splits(options.seed); }});
  const auto board = [](int pattern) {
    return [pattern](Generator& generator, int64_t count) { return checker_board(generator, count, pattern); };
  };
  to.push_back(points("multi-class", "six round clusters of unlike width", 6, 3000,
                      [](Generator& generator, int64_t count) { return multi_class(generator, count); }));
  to.push_back(points("checker-board-0", "a disc in a square", 2, 3000, board(0)));
  to.push_back(points("checker-board-1", "a board of 3 x 2 fields", 2, 3000, board(1)));
  to.push_back(points("checker-board-2", "a board of 4 x 4 fields", 2, 3000, board(2)));
  to.push_back(points("checker-board-rotated", "a board of 4 x 4 fields, each quadrant turned by its own angle", 2,
                      3000, checker_board_rotated));
  to.push_back(points("con-circles", "two rings, one in the other", 2, 3000,
                      [](Generator& generator, int64_t count) { return con_circles(generator, count); }));
  to.push_back(points("non-linear", "one cluster between two of the other class", 2, 3000, non_linear));
  to.push_back(
      points("barber-regression", "two clouds, each with a linear map of its own to learn", 2, 1040,
             [](Generator& generator, int64_t count) { return barber_regression(generator, {.count = count}); }));
  to.push_back(points("sin-data", "a sum of five sines to learn as a curve", 0, 1000,
                      [](Generator& generator, int64_t count) { return sin_data(generator, count); }));
}

void add_images(std::vector<CatalogEntry>& to) {
  constexpr PartSizes kMnistSizes = {50000, 10000, 10000}, kCifarSizes = {40000, 10000, 10000};
  const auto digits = in_folder("mnist", kMnistFiles), clothes = in_folder("fashion-mnist", kMnistFiles);
  auto both = clothes;
  both.insert(both.end(), digits.begin(), digits.end());
  const auto add = [&to](const char* name, const char* description, const char* sample, int64_t classes,
                         PartSizes sizes, std::vector<std::string> files,
                         std::function<Splits(const LoadOptions&)> load) {
    to.push_back({name, description, sample, classes, sizes, std::move(files), std::move(load)});
  };
  add("mnist", "handwritten digits", "1 x 28 x 28", 10, kMnistSizes, digits,
      [](const LoadOptions& o) { return load_mnist(under(o, "mnist"), {.seed = o.seed}); });
  add("mnist-imbalanced", "handwritten digits, from 0 to 9 ever fewer, down to a tenth", "1 x 28 x 28", 10, {}, digits,
      imbalanced_mnist);
  add("fashion-mnist", "clothes, in the manner of MNIST", "1 x 28 x 28", 10, kMnistSizes, clothes,
      [](const LoadOptions& o) { return load_fashion_mnist(under(o, "fashion-mnist"), {.seed = o.seed}); });
  add("fashion-mnist-and-mnist", "six kinds of clothes and six digits as one task", "1 x 28 x 28", 12,
      kClothesAndDigits, both, clothes_and_digits);
  add("cifar10", "small color photographs", "3 x 32 x 32", 10, kCifarSizes, in_folder("cifar10", kCifar10Files),
      [](const LoadOptions& o) { return load_cifar10(under(o, "cifar10"), {.seed = o.seed}); });
  add("cifar10-small", "a fifth of the training photographs of CIFAR-10", "3 x 32 x 32", 10, {8000, 2000, 10000},
      in_folder("cifar10", std::array{kCifar10Files.front(), kCifar10Files.back()}), [](const LoadOptions& o) {
        return load_cifar10(under(o, "cifar10"), {.seed = o.seed, .validation = 2000, .batches = 1});
      });
  add("cifar100", "small color photographs of 100 classes", "3 x 32 x 32", 100, kCifarSizes,
      in_folder("cifar100", kCifar100Files),
      [](const LoadOptions& o) { return load_cifar100(under(o, "cifar100"), {.seed = o.seed}); });
  add("cifar100-superclasses", "the photographs of CIFAR-100 in 20 superclasses", "3 x 32 x 32", 20, kCifarSizes,
      in_folder("cifar100", kCifar100Files),
      [](const LoadOptions& o) { return load_cifar100(under(o, "cifar100"), {.seed = o.seed}, true); });
}

void add_tables(std::vector<CatalogEntry>& to) {
  to.push_back(table("iris", "flowers by the sizes of their leaves", "iris.csv", 4, 3, 150, {}));
  to.push_back(table("breast-cancer", "cell nuclei, benign or malignant", "breast-cancer-wisconsin-diagnostic.csv", 30,
                     2, 569, {.label = "Diagnosis", .ignore = {"ID"}}));
  to.push_back(
      table("car-evaluation", "cars, by words about price, size and safety", "car-evaluation.csv", 21, 4, 1728, {}));
}

/// The name in lower case, with '-' in place of '_' and ' '.
std::string canonical(std::string name) {
  for (char& c : name) c = c == '_' || c == ' ' ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return name;
}

/// The file of that name under the data root, or nothing. IDX files have more than one spelling, and may be compressed.
std::string find_file(const std::string& data_root, const std::string& name) {
  if (name.find("-idx") != std::string::npos) return find_idx(data_root, name);
  const auto path = std::filesystem::path(data_root) / name;
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored) ? path.string() : std::string();
}

}  // namespace

Registry<CatalogEntry>& catalog() {
  static Registry<CatalogEntry> all("data set", [] {
    std::vector<CatalogEntry> rows;
    add_generated(rows);
    add_images(rows);
    add_tables(rows);
    return rows;
  }());
  return all;
}

const CatalogEntry& find_entry(const std::string& name) {
  const std::string wanted = canonical(name).substr(0, 64);
  std::vector<std::pair<size_t, std::string>> similar;
  for (const CatalogEntry& entry : catalog()) {
    const std::string known = canonical(entry.name);
    if (known == wanted) return entry;
    const bool within = wanted.size() >= 3 && known.find(wanted) != std::string::npos;
    const size_t distance = within ? 1 : edit_distance(wanted, known);
    if (distance <= std::max<size_t>(2, wanted.size() / 3)) similar.emplace_back(distance, entry.name);
  }
  std::ranges::stable_sort(similar, {}, &std::pair<size_t, std::string>::first);
  if (similar.size() > 3) similar.resize(3);
  std::vector<std::string> names;
  for (const auto& [distance, known] : similar) names.push_back(known);
  if (!names.empty()) fail<ValueError>("there is no data set '{}'; did you mean {}?", name, fmt::join(names, " or "));
  fail<ValueError>("there is no data set '{}'; there are {}", name, fmt::join(catalog().names(), ", "));
}

DataStatus status(const CatalogEntry& entry, const std::string& data_root) {
  DataStatus result;
  size_t missing = 0;
  for (const std::string& name : entry.files) {
    FileStatus file{.name = name, .path = find_file(data_root, name), .bytes = 0};
    std::error_code error;
    if (!file.path.empty()) file.bytes = static_cast<int64_t>(std::filesystem::file_size(file.path, error));
    missing += file.path.empty();
    result.files.push_back(std::move(file));
  }
  result.ready = missing == 0;
  if (entry.files.empty()) {
    result.text = "always there";
  } else if (missing == 0) {
    result.text = "ready";
  } else if (missing == entry.files.size()) {
    result.text = "missing";
  } else {
    result.text = fmt::format("{} of {} files {} missing", missing, entry.files.size(), missing == 1 ? "is" : "are");
  }
  return result;
}

Splits load(const std::string& name, const LoadOptions& options) {
  const CatalogEntry& entry = find_entry(name);
  if (!entry.files.empty() && options.data_root.empty()) {
    fail<DataError>("{} comes from files, but no folder for data was given", entry.name);
  }
  std::vector<std::string> missing;
  for (const FileStatus& file : status(entry, options.data_root).files) {
    if (file.path.empty()) missing.push_back(file.name);
  }
  if (!missing.empty()) {
    fail<DataError>("{}: missing under {}: {}; put the original files there", entry.name, options.data_root,
                    fmt::join(missing, ", "));
  }
  return entry.load(options);
}

}  // namespace divvy::data
