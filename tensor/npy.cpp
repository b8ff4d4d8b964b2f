#include "tensor/npy.h"

#include <array>
#include <bit>
#include <charconv>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tensor/error.h"
#include "tensor/file.h"

namespace divvy {

namespace {

static_assert(std::endian::native == std::endian::little, "array files are little-endian, and copied as they are");

constexpr std::string_view kMagic = "\x93NUMPY";
constexpr int64_t kMaxHeader = 65535;  // the limit of format 1.0; three keys need no more
constexpr int64_t kAlignment = 64;

struct Header {
  DType dtype;
  Shape shape;
};

/// Reads the header's dictionary, a Python literal such as {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }.
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const FileReader& file) : text_(text), file_(file) {}

  Header parse() {
    expect('{');
    while (!take('}')) {
      parse_entry();
      if (take('}')) break;
      expect(',');
    }
    const std::string_view padding = text_.substr(at_);
    if (padding.empty() || padding.back() != '\n' || padding.find_first_not_of(' ') != padding.size() - 1) {
      fail_here("the dictionary must be followed by spaces and one line feed");
    }
    if (!descr_) fail("the key 'descr' is missing");
    if (!fortran_order_) fail("the key 'fortran_order' is missing");
    if (!sizes_) fail("the key 'shape' is missing");
    if (*fortran_order_) fail("the array is in Fortran order; save it with numpy.ascontiguousarray");
    return {to_dtype(*descr_), to_shape()};
  }

 private:
  void parse_entry() {
    const std::string_view key = parse_string();
    expect(':');
    if (key == "descr") {
      set_once(descr_, key, [&] { return parse_descr(); });
    } else if (key == "fortran_order") {
      set_once(fortran_order_, key, [&] { return parse_bool(); });
    } else if (key == "shape") {
      set_once(sizes_, key, [&] { return parse_tuple(); });
    } else {
      fail(fmt::format("unknown key '{}'", key));
    }
  }

  template <class T, class Parse>
  void set_once(std::optional<T>& value, std::string_view key, const Parse& parse) {
    if (value) fail(fmt::format("the key '{}' is there twice", key));
    value = parse();
  }

  std::string_view parse_string() {
    skip_spaces();
    const char quote = at_ < text_.size() ? text_[at_] : '\0';
    if (quote != '\'' && quote != '"') fail_here("expected a quoted string");
    const size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos) fail_here("a quoted string has no end");
    const std::string_view value = text_.substr(at_ + 1, end - at_ - 1);
    for (const char c : value) {
      if (c < ' ' || c > '~' || c == '\\') fail_here("a quoted string has characters other than plain ASCII");
    }
    at_ = end + 1;
    return value;
  }

  std::string_view parse_descr() {
    skip_spaces();
    if (at_ < text_.size() && text_[at_] == '[')
      fail("'descr' names a structured type; save each field as its own array");
    return parse_string();
  }

  bool parse_bool() {
    skip_spaces();
    for (const bool value : {false, true}) {
      const std::string_view name = value ? "True" : "False";
      if (text_.substr(at_, name.size()) == name) {
        at_ += name.size();
        return value;
      }
    }
    fail_here("'fortran_order' must be True or False");
  }

  std::vector<int64_t> parse_tuple() {
    std::vector<int64_t> sizes;
    expect('(');
    bool comma = true;
    while (!take(')')) {
      if (!comma) fail_here("expected ',' or ')'");
      if (sizes.size() == Shape::kMaxRank) fail(fmt::format("'shape' has more than {} axes", Shape::kMaxRank));
      sizes.push_back(parse_size());
      comma = take(',');
    }
    if (sizes.size() == 1 && !comma) fail("'shape' must be a tuple: (n,) and not (n)");
    return sizes;
  }

  int64_t parse_size() {
    skip_spaces();
    int64_t size = 0;
    const char* begin = text_.data() + at_;
    const auto [end, error] = std::from_chars(begin, text_.data() + text_.size(), size);
    if (error == std::errc::result_out_of_range) fail_here("a size in 'shape' does not fit 64 bits");
    if (error != std::errc() || size < 0 || *begin == '-') fail_here("a size in 'shape' is no whole number >= 0");
    if (*begin == '0' && end - begin > 1) fail_here("a size in 'shape' has a leading zero");
    at_ += static_cast<size_t>(end - begin);
    return size;
  }

  DType to_dtype(std::string_view descr) {
    if (descr == "<f4") return DType::f32;
    if (descr == "<f8") return DType::f64;
    if (descr == "<i4") return DType::i32;
    if (descr == "<i8") return DType::i64;
    if (descr == "|u1" || descr == "<u1") return DType::u8;
    if (descr.starts_with('>')) {
      fail(fmt::format("the type '{}' is big-endian; save the array with .astype('<{}')", descr, descr.substr(1)));
    }
    fail(fmt::format("the type '{}' is none of <f4 <f8 <i4 <i8 |u1; convert the array with .astype()", descr));
  }

  Shape to_shape() {
    try {
      return Shape(std::span<const int64_t>(*sizes_));
    } catch (const ShapeError& error) {
      fail(error.what());
    }
  }

  void skip_spaces() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }

  bool take(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (!take(c)) fail_here(fmt::format("expected '{}'", c));
  }

  [[noreturn]] void fail(std::string_view problem) const { file_.fail(fmt::format("wrong .npy header: {}", problem)); }
  [[noreturn]] void fail_here(std::string_view problem) const { fail(fmt::format("{} at its byte {}", problem, at_)); }

  std::string_view text_;
  const FileReader& file_;
  size_t at_ = 0;
  std::optional<std::string_view> descr_;
  std::optional<bool> fortran_order_;
  std::optional<std::vector<int64_t>> sizes_;
};

std::string read_header_text(FileReader& file) {
  if (file.size() < 10 || file.read_string(6) != kMagic) {
    file.fail("is no .npy file: it does not begin with \\x93NUMPY and a version; was it written by numpy.save?");
  }
  std::array<uint8_t, 2> version{};
  file.read(version.data(), 2);
  if (version[0] < 1 || version[0] > 3 || version[1] != 0) {
    file.fail(fmt::format(".npy format {}.{} is unknown; known are 1.0, 2.0 and 3.0", version[0], version[1]));
  }
  std::array<uint8_t, 4> raw{};
  file.read(raw.data(), version[0] == 1 ? 2 : 4);
  const int64_t length = std::bit_cast<uint32_t>(raw);
  if (length > kMaxHeader)
    file.fail(fmt::format("a .npy header of {} bytes is too long; at most {} are read", length, kMaxHeader));
  if (length > file.remaining()) {
    file.fail(fmt::format("is cut off: its header has {} bytes, {} are left", length, file.remaining()));
  }
  return file.read_string(length);
}

std::string_view descr_of(DType dtype) {
  switch (dtype) {
    case DType::f32: return "<f4";
    case DType::f64: return "<f8";
    case DType::i32: return "<i4";
    case DType::i64: return "<i8";
    case DType::u8: return "|u1";
    case DType::bf16: break;
  }
  fail<DTypeError>("save_npy: NumPy has no type for {}; convert the tensor to f32, or save it as .safetensors", dtype);
}

/// Everything of the file before the elements.
std::string make_prefix(const Tensor& tensor) {
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", descr_of(tensor.dtype()),
                  fmt::join(tensor.shape(), ", "), tensor.rank() == 1 ? "," : "");
  const size_t before = kMagic.size() + 4;
  header.append(kAlignment - (before + header.size() + 1) % kAlignment, ' ');
  header += '\n';
  const auto length = static_cast<uint16_t>(header.size());
  std::string prefix(kMagic);
  prefix += {'\x01', '\x00', static_cast<char>(length & 0xff), static_cast<char>(length >> 8)};
  return prefix + header;
}

}  // namespace

Tensor load_npy(const std::filesystem::path& path) {
  FileReader file(path, FileKind::data);
  const std::string text = read_header_text(file);
  const auto [dtype, shape] = HeaderParser(text, file).parse();
  int64_t bytes = 0;
  if (__builtin_mul_overflow(shape.numel(), size_of(dtype), &bytes) || bytes != file.remaining()) {
    file.fail(fmt::format("has {} bytes of elements, but {} {} needs {} elements of {} bytes; the file is damaged",
                          file.remaining(), dtype, shape, shape.numel(), size_of(dtype)));
  }
  Tensor tensor = Tensor::empty(shape, dtype);
  file.read(tensor.mutable_bytes(), bytes);
  return tensor;
}

void save_npy(const std::filesystem::path& path, const Tensor& tensor) {
  if (!tensor.defined()) fail<ValueError>("save_npy: the tensor is undefined");
  const std::string prefix = make_prefix(tensor);
  const Tensor host = tensor.to(Device::cpu());
  const std::span<const std::byte> parts[] = {std::as_bytes(std::span(prefix)),
                                              {host.bytes(), static_cast<size_t>(host.nbytes())}};
  atomic_write(path, FileKind::data, parts);
}

}  // namespace divvy
