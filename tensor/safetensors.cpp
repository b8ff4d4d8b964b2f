#include "tensor/safetensors.h"

#include <zlib.h>

#include <algorithm>
#include <bit>
#include <nlohmann/json.hpp>
#include <set>
#include <string_view>
#include <vector>

#include "tensor/error.h"
#include "tensor/file.h"

namespace divvy {

namespace {

static_assert(std::endian::native == std::endian::little, "array files are little-endian, and copied as they are");

using Json = nlohmann::json;

constexpr int64_t kMaxHeader = 100'000'000;  // that of the format
constexpr std::string_view kMetadata = "__metadata__";
constexpr std::string_view kReserved = "divvy.checksum";
constexpr std::string_view kChecksums = "divvy.checksum";
constexpr std::string_view kHeaderChecksum = "divvy.checksum.header";
constexpr std::string_view kTensorChecksum = "divvy.checksum:";

constexpr std::pair<std::string_view, DType> kTypes[] = {{"F32", DType::f32},   {"F64", DType::f64},
                                                         {"BF16", DType::bf16}, {"I32", DType::i32},
                                                         {"I64", DType::i64},   {"U8", DType::u8}};

std::string checksum(const void* data, size_t bytes) {
  return fmt::format("{:08x}", crc32_z(0, static_cast<const Bytef*>(data), bytes));
}

/// The position of the eight digits of the header's own checksum in its text; npos if they are not in the form that
/// save_safetensors writes. No other match is possible, since quotation marks inside a string are escaped.
size_t find_header_digits(std::string_view text) {
  const std::string before = fmt::format("\"{}\":\"", kHeaderChecksum);
  const size_t at = text.find(before);
  if (at == std::string_view::npos || text.size() - at < before.size() + 8) return std::string_view::npos;
  return at + before.size();
}

/// Text from a file as it appears in a message: quoted, on one line, cut to a limit.
std::string shown(std::string_view text) {
  constexpr size_t kLimit = 120;
  const std::string start(text.substr(0, kLimit));
  return Json(start).dump(-1, ' ', true, Json::error_handler_t::replace) + (text.size() > kLimit ? "..." : "");
}

/// The entry of one tensor in the header.
struct Entry {
  std::string name;
  DType dtype;
  Shape shape;
  int64_t begin;
  int64_t end;
};

class Loader {
 public:
  explicit Loader(const std::filesystem::path& path) : file_(path, FileKind::checkpoint) {}

  SafeTensors load() {
    read_header();
    std::vector<Entry> entries;
    for (const auto& [name, value] : header_.items()) {
      if (name == kMetadata) {
        read_metadata(value);
      } else {
        entries.push_back(read_entry(name, value));
      }
    }
    check_tiling(entries);
    take_checksums(entries);
    for (const Entry& entry : entries) result_.tensors.emplace(entry.name, read_tensor(entry));
    return std::move(result_);
  }

 private:
  void read_header() {
    if (file_.size() < 8)
      file_.fail(fmt::format("is no .safetensors file: it has {} bytes, at least 8 are needed", file_.size()));
    uint64_t length = 0;
    file_.read(&length, 8);
    if (length > static_cast<uint64_t>(kMaxHeader)) {
      file_.fail(fmt::format("claims a header of {} bytes, at most {} are read; is it a .safetensors file?", length,
                             kMaxHeader));
    }
    if (length > static_cast<uint64_t>(file_.remaining())) {
      file_.fail(fmt::format("is cut off: its header has {} bytes, {} are left", length, file_.remaining()));
    }
    text_ = file_.read_string(static_cast<int64_t>(length));
    data_bytes_ = file_.remaining();
    if (!text_.starts_with('{')) file_.fail("the header does not begin with '{'; is it a .safetensors file?");
    if (text_[text_.find_last_not_of(' ')] != '}') file_.fail("the header does not end with '}' and spaces");
    header_ = parse_json();
  }

  /// Parses the header and refuses duplicate keys, of which the parser itself would keep the last.
  Json parse_json() {
    std::vector<std::set<std::string>> keys;
    const auto check = [&](int depth, Json::parse_event_t event, Json& value) {
      if (depth > 3) file_.fail("the header is nested too deeply");
      if (event == Json::parse_event_t::object_start) keys.emplace_back();
      if (event == Json::parse_event_t::object_end) keys.pop_back();
      if (event == Json::parse_event_t::key && !keys.back().insert(value.get<std::string>()).second) {
        file_.fail(fmt::format("the header has the key {} twice", shown(value.get<std::string>())));
      }
      return true;
    };
    try {
      return Json::parse(text_, check);
    } catch (const Json::exception& error) {
      file_.fail(fmt::format("the header is no JSON: {}", shown(error.what())));
    }
  }

  void read_metadata(const Json& metadata) {
    if (!metadata.is_object()) file_.fail(fmt::format("{} is no object", kMetadata));
    for (const auto& [key, value] : metadata.items()) {
      if (!value.is_string()) file_.fail(fmt::format("the metadata {} is no string", shown(key)));
      result_.metadata.emplace(key, value.get<std::string>());
    }
  }

  Entry read_entry(const std::string& name, const Json& value) const {
    const auto wrong = [&](std::string_view problem) {
      file_.fail(fmt::format("the tensor {} {}", shown(name), problem));
    };
    if (!value.is_object()) wrong("is described by no object");
    for (const char* key : {"dtype", "shape", "data_offsets"}) {
      if (!value.contains(key)) wrong(fmt::format("has no '{}'", key));
    }
    if (value.size() != 3) wrong("has keys other than 'dtype', 'shape' and 'data_offsets'");
    if (!value["dtype"].is_string()) wrong("has a 'dtype' that is no string");
    const auto type = value["dtype"].get<std::string>();
    const auto* known = std::ranges::find(kTypes, type, &std::pair<std::string_view, DType>::first);
    if (known == std::end(kTypes)) {
      wrong(fmt::format("has the type {}; known are F32, F64, BF16, I32, I64 and U8", shown(type)));
    }
    const auto sizes = unsigned_numbers(value["shape"]);
    if (!sizes) wrong("has a 'shape' that is no list of whole numbers >= 0");
    const auto offsets = unsigned_numbers(value["data_offsets"]);
    if (!offsets || offsets->size() != 2) wrong("has 'data_offsets' that are no two whole numbers >= 0");
    Entry entry{name, known->second, {}, (*offsets)[0], (*offsets)[1]};
    try {
      entry.shape = Shape(std::span<const int64_t>(*sizes));
    } catch (const ShapeError& error) {
      wrong(fmt::format("has a wrong 'shape': {}", error.what()));
    }
    int64_t bytes = 0;
    const bool overflow = __builtin_mul_overflow(entry.shape.numel(), size_of(entry.dtype), &bytes);
    if (entry.begin > entry.end || entry.end > data_bytes_) {
      wrong(fmt::format("lies at bytes {} to {}, the file has {} bytes of elements", entry.begin, entry.end,
                        data_bytes_));
    }
    if (overflow || bytes != entry.end - entry.begin) {
      wrong(fmt::format("has {} bytes, but {} {} needs {} elements of {} bytes", entry.end - entry.begin, entry.dtype,
                        entry.shape, entry.shape.numel(), size_of(entry.dtype)));
    }
    return entry;
  }

  /// The numbers of a list, or nothing unless all are non-negative integers that fit int64.
  static std::optional<std::vector<int64_t>> unsigned_numbers(const Json& list) {
    if (!list.is_array()) return std::nullopt;
    std::vector<int64_t> numbers;
    for (const Json& number : list) {
      if (!number.is_number_unsigned() || number.get<uint64_t>() > INT64_MAX) return std::nullopt;
      numbers.push_back(number.get<int64_t>());
    }
    return numbers;
  }

  /// Sorts the entries by offset; each must begin where the previous one ends.
  void check_tiling(std::vector<Entry>& entries) const {
    std::ranges::sort(entries, {}, [](const Entry& entry) { return std::pair(entry.begin, entry.end); });
    int64_t at = 0;
    for (const Entry& entry : entries) {
      if (entry.begin != at) {
        file_.fail(fmt::format("the tensor {} begins at byte {} of the elements, the one before it ends at {}: {}",
                               shown(entry.name), entry.begin, at,
                               entry.begin < at ? "they overlap" : "there is a hole"));
      }
      at = entry.end;
    }
    if (at != data_bytes_) {
      file_.fail(fmt::format("has {} bytes of elements, its tensors have {}; the file is damaged", data_bytes_, at));
    }
  }

  /// If the file has checksums, checks the header's and moves those of the tensors from the metadata to checksums_.
  void take_checksums(const std::vector<Entry>& entries) {
    auto& metadata = result_.metadata;
    const auto reserved =
        std::ranges::any_of(metadata, [](const auto& item) { return item.first.starts_with(kReserved); });
    // A flipped bit can hide one of the reserved entries, but not all of them.
    if (!reserved) return;
    const size_t digits = find_header_digits(text_);
    if (digits == std::string::npos || take(metadata, std::string(kChecksums)) != "crc32") {
      file_.fail(
          "has some checksums but not all; the file is damaged, or another program changed it and kept the metadata");
    }
    const std::string stored = text_.substr(digits, 8);
    text_.replace(digits, 8, "00000000");
    compare(stored, checksum(text_.data(), text_.size()), "the header");
    take(metadata, std::string(kHeaderChecksum));
    for (const Entry& entry : entries) {
      checksums_[entry.name] = take(metadata, fmt::format("{}{}", kTensorChecksum, entry.name));
    }
  }

  /// Removes an entry and returns its value, or "" if there is none.
  static std::string take(std::map<std::string, std::string>& map, const std::string& key) {
    const auto node = map.extract(key);
    return node.empty() ? "" : node.mapped();
  }

  Tensor read_tensor(const Entry& entry) {
    Tensor tensor = Tensor::empty(entry.shape, entry.dtype);
    file_.read(tensor.mutable_bytes(), tensor.nbytes());
    if (!checksums_.empty()) {
      compare(checksums_[entry.name], checksum(tensor.bytes(), static_cast<size_t>(tensor.nbytes())),
              fmt::format("the tensor {}", shown(entry.name)));
    }
    return tensor;
  }

  void compare(const std::string& stored, const std::string& computed, std::string_view of) const {
    if (stored == computed) return;
    file_.fail(fmt::format(
        "the checksum of {} is {}, stored is {}; the file is damaged, or another program changed it; use another", of,
        computed, shown(stored)));
  }

  FileReader file_;
  std::string text_;
  int64_t data_bytes_ = 0;
  Json header_;
  SafeTensors result_;
  std::map<std::string, std::string> checksums_;
};

std::string_view type_name(DType dtype) {
  return std::ranges::find(kTypes, dtype, &std::pair<std::string_view, DType>::second)->first;
}

using Named = std::pair<std::string, Tensor>;

/// The tensors on the CPU in the order in which they are written: large elements first, so that each is aligned to its
/// own size, then by name.
std::vector<Named> in_file_order(const SafeTensors& contents) {
  std::vector<Named> order;
  for (const auto& [name, tensor] : contents.tensors) {
    if (!tensor.defined()) fail<ValueError>("save_safetensors: the tensor {} is undefined", shown(name));
    if (name == kMetadata) fail<ValueError>("save_safetensors: no tensor can have the name {}", kMetadata);
    order.emplace_back(name, tensor.to(Device::cpu()));
  }
  std::ranges::stable_sort(order, std::greater(), [](const Named& named) { return size_of(named.second.dtype()); });
  return order;
}

Json describe(const std::vector<Named>& order, const SafeTensors& contents) {
  Json metadata = contents.metadata;
  for (const auto& [key, value] : contents.metadata) {
    if (key.starts_with(kReserved))
      fail<ValueError>("save_safetensors: metadata beginning with '{}' is reserved, got {}", kReserved, shown(key));
  }
  metadata[std::string(kChecksums)] = "crc32";
  metadata[std::string(kHeaderChecksum)] = "00000000";
  Json header = Json::object();
  int64_t at = 0;
  for (const auto& [name, tensor] : order) {
    metadata[fmt::format("{}{}", kTensorChecksum, name)] =
        checksum(tensor.bytes(), static_cast<size_t>(tensor.nbytes()));
    const std::vector<int64_t> sizes(tensor.shape().begin(), tensor.shape().end());
    header[name] = {
        {"dtype", type_name(tensor.dtype())}, {"shape", sizes}, {"data_offsets", {at, at + tensor.nbytes()}}};
    at += tensor.nbytes();
  }
  header[std::string(kMetadata)] = std::move(metadata);
  return header;
}

std::string header_text(const std::vector<Named>& order, const SafeTensors& contents) {
  const Json header = describe(order, contents);
  std::string text;
  try {
    text = header.dump();
  } catch (const Json::exception& error) {
    fail<ValueError>("save_safetensors: names and metadata must be UTF-8: {}", shown(error.what()));
  }
  text.append((8 - text.size() % 8) % 8, ' ');
  if (static_cast<int64_t>(text.size()) > kMaxHeader) {
    fail<ValueError>("save_safetensors: the header of {} tensors takes {} bytes, at most {} can be read back",
                     order.size(), text.size(), kMaxHeader);
  }
  text.replace(find_header_digits(text), 8, checksum(text.data(), text.size()));
  return text;
}

}  // namespace

SafeTensors load_safetensors(const std::filesystem::path& path) { return Loader(path).load(); }

void save_safetensors(const std::filesystem::path& path, const SafeTensors& contents) {
  const auto order = in_file_order(contents);
  const std::string text = header_text(order, contents);
  const uint64_t length = text.size();
  std::vector<std::span<const std::byte>> parts{std::as_bytes(std::span(&length, 1)), std::as_bytes(std::span(text))};
  for (const auto& [name, tensor] : order) parts.emplace_back(tensor.bytes(), static_cast<size_t>(tensor.nbytes()));
  atomic_write(path, FileKind::checkpoint, parts);
}

}  // namespace divvy
