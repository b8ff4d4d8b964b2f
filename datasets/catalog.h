#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "datasets/dataset.h"
#include "tensor/registry.h"

namespace divvy::data {

/// The numbers of samples that load() returns; 0 if not known beforehand.
struct PartSizes {
  int64_t train = 0;
  int64_t validation = 0;
  int64_t test = 0;
  bool operator==(const PartSizes&) const = default;
};

struct LoadOptions {
  std::string data_root = {};  ///< has a folder for each data set that is read from files
  uint64_t seed = 42;          ///< seeds generated samples and the division into parts
};

/// A data set that can be loaded by name. One without files is generated.
struct CatalogEntry {
  std::string name;
  std::string description;
  std::string sample;   ///< "1 x 28 x 28", "2"
  int64_t classes = 0;  ///< 0: there are targets and no labels
  PartSizes sizes;
  std::vector<std::string> files = {};  ///< "mnist/train-images-idx3-ubyte", ...: under the data root, original names
  /// Reads or generates the set; load() calls it after checking that the files exist.
  std::function<Splits(const LoadOptions&)> load = {};
};

/// All data sets, generated ones first; a program can add its own.
Registry<CatalogEntry>& catalog();

/// The entry of that name; case is ignored, and '_' is equivalent to '-'. Throws ValueError, which names the most
/// similar ones, if there is none.
const CatalogEntry& find_entry(const std::string& name);

/// One file of a set under a data root.
struct FileStatus {
  std::string name;   ///< the original name, as in the entry
  std::string path;   ///< its path, possibly with another spelling or compressed; empty if missing
  int64_t bytes = 0;  ///< size of the file on disk
};

/// The status of a data set, as far as it is known without reading its files.
struct DataStatus {
  bool ready = false;  ///< generated, or every file is there
  std::string text;    ///< "always there", "ready", "missing", "2 of 4 files are missing"
  std::vector<FileStatus> files;
};
DataStatus status(const CatalogEntry& entry, const std::string& data_root);

/// Loads or generates a set by name. Points of toy sets and rows of tables are divided 70 / 10 / 20 per cent,
/// stratified by class; the features of tables are normalized by the training part. Throws ValueError for an unknown
/// name (see find_entry()), DataError for files that are missing (it lists them and where they belong) or invalid.
Splits load(const std::string& name, const LoadOptions& options = {});

}  // namespace divvy::data
