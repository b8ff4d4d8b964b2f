#include "tensor/safetensors.h"

#include <cmath>
#include <cstring>
#include <fstream>
#include <limits>

#include "tensor/allocator.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/failing_calls.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

auto says(const std::string& text) { return Catch::Contains(text); }

/// A file with this header and these elements, and no checksums, as another program may write it.
std::string foreign(const std::string& header, const std::string& elements = "") {
  std::string file;
  for (int byte = 0; byte < 8; ++byte) file += static_cast<char>(header.size() >> (8 * byte) & 0xff);
  return file + header + elements;
}

/// {members}
std::string object(const std::string& members) { return fmt::format("{{{}}}", members); }

std::string entry(const std::string& name, const std::string& dtype, const std::string& shape,
                  const std::string& offsets) {
  return '"' + name + R"(":{"dtype":)" + dtype + R"(,"shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string one(const std::string& dtype, const std::string& shape, const std::string& offsets) {
  return object(entry("a", dtype, shape, offsets));
}

SafeTensors load(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.safetensors", bytes);
  return load_safetensors(folder / "a.safetensors");
}

/// The message of the CheckpointError that loading this file gives, "loaded" where there is none.
std::string refusal_of(const std::filesystem::path& path) {
  try {
    load_safetensors(path);
  } catch (const CheckpointError& error) {
    const std::string message = error.what();
    CHECK(message.starts_with(path.string() + ": "));
    CHECK(message.find('\n') == std::string::npos);
    CHECK(message.size() < 1000);
    return message;
  }
  return "loaded";
}

std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.safetensors", bytes);
  return refusal_of(folder / "a.safetensors");
}

std::string saved_bytes(const SafeTensors& contents) {
  const TemporaryFolder folder;
  save_safetensors(folder / "a.safetensors", contents);
  return read_bytes(folder / "a.safetensors");
}

SafeTensors every_type() {
  const double inf = std::numeric_limits<double>::infinity();
  return {{{"layer.weight", Tensor::from({1.5f, -0.f, 3e38f, std::nanf(""), 1e-45f, -2.f}, {2, 3})},
           {"double", Tensor::from({1. / 3, -inf})},
           {"half", Tensor::full({3}, -1.25, DType::bf16)},
           {"small", Tensor::from({std::numeric_limits<int32_t>::min(), 7}, {2, 1})},
           {"large", Tensor::from({std::numeric_limits<int64_t>::max(), int64_t{-1}})},
           {"bytes", Tensor::from({uint8_t{0}, uint8_t{255}, uint8_t{' '}})},
           {"scalar", Tensor::scalar(2.5, DType::f64)},
           {"empty", Tensor::zeros({0})},
           {"none of three", Tensor::zeros({3, 0, 2}, DType::i64)},
           {"deep", Tensor::full({1, 1, 1, 1, 1, 1, 1, 1}, 5)},
           {"", Tensor::scalar(1, DType::u8)},
           {"na\"me\\ \n\xc3\xa9", Tensor::scalar(2)}},
          {{"step", "17"}, {"", ""}, {"note", "line\nline \"quoted\" \xe2\x82\xac"}, {"format", "pt"}}};
}

void check_equal(const SafeTensors& a, const SafeTensors& b) {
  CHECK(a.metadata == b.metadata);
  REQUIRE(a.tensors.size() == b.tensors.size());
  for (const auto& [name, tensor] : a.tensors) {
    INFO("tensor '" << name << "'");
    REQUIRE(b.tensors.contains(name));
    CHECK(same_bits(tensor, b.tensors.at(name)));
  }
}

}  // namespace

TEST_CASE("Tensors of every type and metadata come back from .safetensors bit by bit") {
  check_equal(load(saved_bytes(every_type())), every_type());
  check_equal(load(saved_bytes({})), {});
  check_equal(load(saved_bytes({{}, {{"only", "metadata"}}})), {{}, {{"only", "metadata"}}});
  const Tensor rows = Tensor::from({1, 2, 3, 4, 5, 6}, {3, 2});
  check_equal(load(saved_bytes({{{"view", rows.slice(1, 2)}}, {}})), {{{"view", Tensor::from({3, 4}, {1, 2})}}, {}});
}

TEST_CASE("What is saved again gives the same file") {
  const std::string first = saved_bytes(every_type());
  CHECK(saved_bytes(load(first)) == first);
}

TEST_CASE("The header is padded to 8 bytes and tensors are aligned to their elements") {
  const std::string file = saved_bytes(every_type());
  uint64_t length = 0;
  std::memcpy(&length, file.data(), 8);
  CHECK(length % 8 == 0);
  const std::string header = file.substr(8, length);
  CHECK(header.front() == '{');
  // Eight-byte types come first, so one f64 tensor begins the elements, and u8 ends them.
  CHECK(header.find(R"("double":{"data_offsets":[0,16],"dtype":"F64","shape":[2]})") != std::string::npos);
  CHECK(header.find(R"("bytes":{"data_offsets":[)" + std::to_string(file.size() - 8 - length - 3) + ",") !=
        std::string::npos);
}

TEST_CASE("Files without checksums from elsewhere are read") {
  const std::string numbers("\x01\x00\x00\x00\x02\x00\x00\x00", 8);
  const SafeTensors plain = load(foreign(one("\"I32\"", "[2]", "[0,8]"), numbers));
  CHECK(same_bits(plain.tensors.at("a"), Tensor::from({1, 2})));
  CHECK(plain.metadata.empty());
  const std::string two = "{ \"__metadata__\": {\"format\": \"pt\"},\n " + entry("b", "\"U8\"", "[1]", "[7, 8]") + "," +
                          entry("e", "\"F32\"", "[0, 2]", "[7,7]") + "," + entry("a", "\"U8\"", "[7]", "[0,7]") +
                          "}   ";
  const SafeTensors spaced = load(foreign(two, numbers));
  CHECK(spaced.tensors.size() == 3);
  CHECK(spaced.tensors.at("e").shape() == Shape{0, 2});
  CHECK(spaced.tensors.at("a").to_doubles() == std::vector<double>{1, 0, 0, 0, 2, 0, 0});
  CHECK(spaced.metadata == std::map<std::string, std::string>{{"format", "pt"}});
  CHECK(load(foreign("{}")).tensors.empty());
  CHECK(load(foreign("{\"__metadata__\":{}}")).tensors.empty());
}

TEST_CASE("Every flipped bit of a file is refused") {
  const TemporaryFolder folder;
  const SafeTensors samples[] = {
      every_type(),
      {},
      {{{"spaces", Tensor::full({20}, ' ', DType::u8)}}, {}},
      {{{"w", Tensor::zeros({3})}, {"v", Tensor::zeros({0})}}, {{"divvy", "checksum"}}},
  };
  for (const SafeTensors& sample : samples) {
    save_safetensors(folder / "a", sample);
    // Changed in place: rewriting the file for every bit would take most of the time.
    const std::string bytes = read_bytes(folder / "a");
    std::fstream file(folder / "a", std::ios::binary | std::ios::in | std::ios::out);
    const auto put = [&](size_t at, int byte) {
      file.seekp(static_cast<std::streamoff>(at)).put(static_cast<char>(byte)).flush();
    };
    int64_t loaded = 0;
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      put(bit / 8, bytes[bit / 8] ^ (1 << bit % 8));
      if (refusal_of(folder / "a") == "loaded") ++loaded;
      put(bit / 8, bytes[bit / 8]);
    }
    CHECK(loaded == 0);
    CHECK(refusal_of(folder / "a") == "loaded");
  }
}

TEST_CASE("Every truncated file is refused, and a longer one") {
  const TemporaryFolder folder;
  for (const std::string& file :
       {saved_bytes(every_type()), saved_bytes({}), foreign(one("\"U8\"", "[3]", "[0,3]") + "  ", "abc")}) {
    write_bytes(folder / "a", file);
    int64_t loaded = 0;
    for (size_t length = file.size(); length-- > 0;) {
      std::filesystem::resize_file(folder / "a", length);
      if (refusal_of(folder / "a") == "loaded") ++loaded;
    }
    CHECK(loaded == 0);
    CHECK_THAT(refusal(file + '\0'), says("the file is damaged"));
  }
}

TEST_CASE("A file that is something else is refused") {
  CHECK_THAT(refusal(""), says("it has 0 bytes, at least 8 are needed"));
  CHECK_THAT(refusal("PK\x03\x04zipped model"), says("claims a header of"));
  CHECK_THAT(refusal(foreign("[]")), says("does not begin with '{'"));
  CHECK_THAT(refusal(foreign("")), says("does not begin with '{'"));
  CHECK_THAT(refusal(foreign(" {}")), says("does not begin with '{'"));
  CHECK_THROWS_AS(load_safetensors("/nonexistent/a.safetensors"), CheckpointError);
}

TEST_CASE("A header of more than 100 MB, or past the end of the file, is refused") {
  std::string large = "{}";
  large.resize(2 << 20, ' ');
  CHECK(load(foreign(large)).tensors.empty());
  std::string claim = foreign("{}");
  const uint64_t most = 100'000'000;
  for (const uint64_t length : {most, most + 1}) {
    std::memcpy(claim.data(), &length, sizeof length);
    CHECK_THAT(refusal(claim), says(length == most ? "is cut off: its header has 100000000 bytes, 2 are left"
                                                   : "claims a header of 100000001 bytes, at most 100000000 are read"));
  }
  CHECK_THAT(refusal(std::string(8, '\xff') + "{}"), says("claims a header of 18446744073709551615 bytes"));
  CHECK_THAT(refusal(foreign("{}").substr(0, 9)), says("is cut off: its header has 2 bytes, 1 are left"));
}

TEST_CASE("A header that is not strict JSON is refused") {
  for (const std::string header :
       {"{", "{}}", "{\"a\":}", "{'a':1}", "{\"a\":NaN}", "{}{}", "{\"\xff\":1}", "{,}", "{\"a\":1e999}"}) {
    INFO(header);
    CHECK_THAT(refusal(foreign(header)), says("the header"));
  }
  CHECK_THAT(refusal(foreign("{]}")), says("the header is no JSON"));
  CHECK_THAT(refusal(foreign(std::string("{}\0", 3))), says("does not end with '}' and spaces"));
  CHECK_THAT(refusal(foreign("{}\n")), says("does not end with '}' and spaces"));
  const std::string deep = "{\"a\":" + std::string(500'000, '[') + std::string(500'000, ']') + "}";
  CHECK_THAT(refusal(foreign(deep)), says("nested too deeply"));
}

TEST_CASE("Keys that are there twice are refused") {
  const std::string a = entry("a", "\"U8\"", "[1]", "[0,1]");
  CHECK_THAT(refusal(foreign(object(a + "," + a), "x")), says(R"(the header has the key "a" twice)"));
  CHECK_THAT(refusal(foreign(object(a + "," + entry("\\u0061", "\"U8\"", "[1]", "[0,1]")), "x")), says("twice"));
  CHECK_THAT(refusal(foreign(R"({"__metadata__":{"k":"1","k":"2"}})")), says(R"(the key "k" twice)"));
  CHECK_THAT(refusal(foreign(R"({"__metadata__":{},"__metadata__":{}})")), says("twice"));
  CHECK_THAT(refusal(foreign(R"({"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}})", "x")),
             says(R"(the key "dtype" twice)"));
}

TEST_CASE("Metadata must be an object of strings") {
  CHECK_THAT(refusal(foreign(R"({"__metadata__":[]})")), says("__metadata__ is no object"));
  CHECK_THAT(refusal(foreign(R"({"__metadata__":"x"})")), says("__metadata__ is no object"));
  for (const std::string value : {"1", "null", "true", "[]", "{}"}) {
    CHECK_THAT(refusal(foreign("{\"__metadata__\":{\"k\":" + value + "}}")), says(R"(the metadata "k" is no string)"));
  }
}

TEST_CASE("A tensor's entry has a type, a shape and offsets, and nothing else") {
  CHECK_THAT(refusal(foreign(R"({"a":1})")), says(R"(the tensor "a" is described by no object)"));
  CHECK_THAT(refusal(foreign(R"({"a":{"shape":[1],"data_offsets":[0,1]}})", "x")), says("has no 'dtype'"));
  CHECK_THAT(refusal(foreign(R"({"a":{"dtype":"U8","data_offsets":[0,1]}})", "x")), says("has no 'shape'"));
  CHECK_THAT(refusal(foreign(R"({"a":{"dtype":"U8","shape":[1]}})", "x")), says("has no 'data_offsets'"));
  CHECK_THAT(refusal(foreign(R"({"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1],"x":0}})", "x")),
             says("has keys other than"));
}

TEST_CASE("Types of .safetensors that a tensor does not have are refused by name") {
  for (const std::string type : {"F16", "BOOL", "I8", "I16", "U16", "U32", "U64", "F8_E4M3", "f32", "F32 ", ""}) {
    CHECK_THAT(refusal(foreign(one("\"" + type + "\"", "[0]", "[0,0]"))),
               says("has the type \"" + type + "\"; known are F32"));
  }
  CHECK_THAT(refusal(foreign(one("4", "[1]", "[0,1]"), "x")), says("a 'dtype' that is no string"));
}

TEST_CASE("A shape is a list of whole numbers") {
  for (const std::string shape : {"1", "\"1\"", "{}", "null", "[-1]", "[-0]", "[1.0]", "[1e0]", "[\"1\"]", "[null]",
                                  "[[]]", "[9223372036854775808]", "[18446744073709551616]"}) {
    INFO(shape);
    CHECK_THAT(refusal(foreign(one("\"U8\"", shape, "[0,1]"), "x")),
               says("has a 'shape' that is no list of whole numbers"));
  }
  CHECK_THAT(refusal(foreign(one("\"U8\"", "[1,1,1,1,1,1,1,1,1]", "[0,1]"), "x")), says("at most 8 axes, got 9"));
}

TEST_CASE("Offsets are two whole numbers within the file, in order") {
  for (const std::string offsets : {"1", "[]", "[0]", "[0,1,1]", "[-1,0]", "[0,1.0]", "[0,\"1\"]", "{\"0\":0}",
                                    "[-0,1]", "[0,18446744073709551615]"}) {
    INFO(offsets);
    CHECK_THAT(refusal(foreign(one("\"U8\"", "[1]", offsets), "x")),
               says("has 'data_offsets' that are no two whole numbers"));
  }
  CHECK_THAT(refusal(foreign(one("\"U8\"", "[1]", "[1,0]"), "x")), says("lies at bytes 1 to 0"));
  CHECK_THAT(refusal(foreign(one("\"U8\"", "[1]", "[1,2]"), "x")), says("lies at bytes 1 to 2, the file has 1 bytes"));
  CHECK_THAT(refusal(foreign(one("\"U8\"", "[1]", "[0,9223372036854775807]"), "x")), says("the file has 1 bytes"));
}

TEST_CASE("The bytes of a tensor are those of its shape and type") {
  CHECK_THAT(refusal(foreign(one("\"F32\"", "[2]", "[0,4]"), "abcd")),
             says("has 4 bytes, but f32 [2] needs 2 elements of 4 bytes"));
  CHECK_THAT(refusal(foreign(one("\"U8\"", "[]", "[0,0]"))), says("has 0 bytes, but u8 [] needs 1 elements"));
  CHECK_THAT(refusal(foreign(one("\"F32\"", "[0]", "[0,4]"), "abcd")),
             says("has 4 bytes, but f32 [0] needs 0 elements"));
  // Products that come back to 0 or 4 where they wrap around.
  CHECK_THAT(refusal(foreign(one("\"F32\"", "[4294967296,4294967296]", "[0,0]"))), says("more elements than int64"));
  CHECK_THAT(refusal(foreign(one("\"F32\"", "[4611686018427387905]", "[0,4]"), "abcd")), says("has 4 bytes, but f32"));
}

TEST_CASE("Overlapping tensors and holes are refused") {
  const auto two = [](const std::string& first, const std::string& second) {
    return foreign(object(entry("a", "\"U8\"", "[2]", first) + "," + entry("b", "\"U8\"", "[2]", second)), "abcd");
  };
  CHECK(load(two("[2,4]", "[0,2]")).tensors.size() == 2);
  CHECK_THAT(refusal(two("[0,2]", "[1,3]")),
             says("\"b\" begins at byte 1 of the elements, the one before it ends at 2: they overlap"));
  CHECK_THAT(refusal(two("[0,2]", "[0,2]")), says("they overlap"));
  CHECK_THAT(refusal(two("[1,3]", "[2,4]")),
             says("begins at byte 1 of the elements, the one before it ends at 0: there is a hole"));
  CHECK_THAT(refusal(foreign(object(entry("a", "\"U8\"", "[1]", "[0,1]") + "," + entry("b", "\"U8\"", "[1]", "[2,3]")),
                             "abc")),
             says("there is a hole"));
  CHECK_THAT(refusal(foreign(one("\"U8\"", "[2]", "[0,2]"), "abc")),
             says("has 3 bytes of elements, its tensors have 2"));
  CHECK_THAT(
      refusal(foreign(object(entry("a", "\"U8\"", "[2]", "[0,2]") + "," + entry("e", "\"U8\"", "[0]", "[1,1]")), "ab")),
      says("they overlap"));
}

TEST_CASE("A huge size claimed by a .safetensors file allocates nothing") {
  allocator({}).reset_peak();
  const int64_t before = allocator({}).stats().peak_bytes;
  CHECK_THAT(refusal(foreign(one("\"F32\"", "[1099511627776]", "[0,4398046511104]"), "abcd")),
             says("the file has 4 bytes"));
  CHECK_THAT(refusal(foreign(one("\"F32\"", "[1099511627776]", "[0,4]"), "abcd")), says("has 4 bytes"));
  CHECK(allocator({}).stats().peak_bytes == before);
}

TEST_CASE("Checksums that are missing, stale or wrong are refused") {
  const SafeTensors contents{{{"w", Tensor::from({1.f, 2.f})}}, {{"k", "v"}}};
  const std::string file = saved_bytes(contents);
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string changed = file;
    const size_t at = changed.find(from);
    REQUIRE(at != std::string::npos);
    REQUIRE(from.size() == to.size());
    return changed.replace(at, from.size(), to);
  };
  CHECK_THAT(refusal(with("\"k\":\"v\"", "\"k\":\"w\"")), says("the checksum of the header is"));
  CHECK_THAT(refusal(with("divvy.checksum\"", "divvy_checksum\"")), says("has some checksums but not all"));
  CHECK_THAT(refusal(with("divvy.checksum.header", "divvy_checksum.header")), says("has some checksums but not all"));
  CHECK_THAT(refusal(with("divvy.checksum:w", "divvy.checksum:v")), says("the checksum of the header is"));
  std::string element = file;
  element.back() = static_cast<char>(element.back() ^ 0x40);
  CHECK_THAT(refusal(element), says("the checksum of the tensor \"w\" is"));
}

TEST_CASE("What cannot be saved as .safetensors is refused") {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const Tensor t = Tensor::scalar(1);
  CHECK_THROWS_WITH(save_safetensors(path, {{{"a", Tensor()}}, {}}), says("the tensor \"a\" is undefined"));
  CHECK_THROWS_AS(save_safetensors(path, {{{"__metadata__", t}}, {}}), ValueError);
  CHECK_THROWS_WITH(save_safetensors(path, {{}, {{"divvy.checksum:a", ""}}}),
                    says("is reserved, got \"divvy.checksum:a\""));
  CHECK_THROWS_AS(save_safetensors(path, {{{"\xff", t}}, {}}), ValueError);
  CHECK_THROWS_WITH(save_safetensors(path, {{}, {{"a", "\xc3"}}}), says("must be UTF-8"));
  CHECK_THROWS_WITH(save_safetensors(path, {{}, {{"a", std::string(100'000'000, 'x')}}}), says("at most 100000000"));
  CHECK_THROWS_AS(save_safetensors(folder / "none/a", {}), CheckpointError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("Saving .safetensors survives every failing system call") {
  const TemporaryFolder folder;
  const auto path = folder / "a.safetensors";
  const SafeTensors versions[] = {{{{"w", Tensor::full({20}, 1)}}, {}},
                                  {{{"w", Tensor::full({3, 3}, 2)}, {"b", Tensor::zeros({3})}}, {{"step", "2"}}}};
  const int failures = fail_every_call([&](bool newer) { save_safetensors(path, versions[newer]); },
                                       [&](bool newer) { return read_bytes(path) == saved_bytes(versions[newer]); });
  CHECK(failures > 40);
}

}  // namespace divvy::test
