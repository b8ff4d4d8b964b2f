#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "tensor/registry.h"

namespace divvy::data {

/// How many samples load() gives; 0 where that is not known beforehand.
struct PartSizes {
  int64_t train = 0;
  int64_t validation = 0;
  int64_t test = 0;
  bool operator==(const PartSizes&) const = default;
};

struct LoadOptions {
  std::string data_root = {};  ///< holds a folder for each set that comes from files
  uint64_t seed = 42;          ///< of generated samples and of the division into parts
};

/// One data set that can be asked for by name. It is generated where it needs no files.
struct CatalogEntry {
  std::string name;
  std::string description;
  std::string sample;   ///< "1 x 28 x 28", "2"
  int64_t classes = 0;  ///< 0: there are only targets
  PartSizes sizes;
  std::vector<std::string> files = {};  ///< "mnist/train-images-idx3-ubyte", ...: under the data root, original names
  /// Reads or generates the set; load() has made sure that its files are there.
  std::function<Splits(const LoadOptions&)> load = {};
};

/// All sets, generated ones first; a program can add its own.
Registry<CatalogEntry>& catalog();

/// The entry of that name; '_' and '-' are the same, and so are capitals and small letters. Throws ValueError that
/// names the most similar ones where there is none.
const CatalogEntry& find_entry(const std::string& name);

/// One file of a set under a data root.
struct FileStatus {
  std::string name;   ///< the original name, as in the entry
  std::string path;   ///< where it lies, perhaps under another spelling or packed; empty where it is missing
  int64_t bytes = 0;  ///< of the file as it lies there
};

/// What is known without reading the files.
struct DataStatus {
  bool ready = false;  ///< generated, or every file is there
  std::string text;    ///< "always there", "ready", "missing", "2 of 4 files are missing"
  std::vector<FileStatus> files;
};
DataStatus status(const CatalogEntry& entry, const std::string& data_root);

/// Loads or generates a set by name. Points of toy sets and rows of tables are divided 70 / 10 / 20 per cent,
/// stratified by class; the features of tables are normalized by the training part. Throws ValueError for an unknown
/// name (see find_entry()), DataError for files that are missing (it lists them, and says where they belong) or bad.
Splits load(const std::string& name, const LoadOptions& options = {});

}  // namespace divvy::data
