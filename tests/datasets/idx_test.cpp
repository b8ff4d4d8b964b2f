#include "datasets/idx.h"

#include <sys/stat.h>
#include <zlib.h>

#include "tests/datasets/data_support.h"

namespace divvy::test {

namespace {

std::string idx_header(const std::vector<uint32_t>& sizes, uint8_t type = 8) {
  std::string bytes{'\0', '\0', static_cast<char>(type), static_cast<char>(sizes.size())};
  for (const uint32_t size : sizes) {
    for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(size >> shift);
  }
  return bytes;
}

/// An IDX file with bytes 0, 1, 2, ... modulo `modulus`.
std::string idx(const std::vector<uint32_t>& sizes, uint32_t modulus = 251) {
  uint32_t elements = 1;
  for (const uint32_t size : sizes) elements *= size;
  std::string bytes = idx_header(sizes);
  for (uint32_t i = 0; i < elements; ++i) bytes += static_cast<char>(i % modulus);
  return bytes;
}

std::string gzip(const std::string& bytes) {
  z_stream stream{};
  REQUIRE(deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY) == Z_OK);
  std::string packed(bytes.size() + 200, '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(packed.data());
  stream.avail_out = static_cast<uInt>(packed.size());
  REQUIRE(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  packed.resize(stream.total_out);
  deflateEnd(&stream);
  return packed;
}

/// Why load_idx refuses these bytes; the message must begin with the path.
std::string flaw(const std::string& bytes, int rank = 0) {
  const TemporaryFolder folder;
  const std::string path = folder.write("file", bytes);
  const std::string message = refusal<DataError>([&] { data::load_idx(path, rank); });
  return message.starts_with(path + ": ") ? message.substr(path.size() + 2) : "without the path: " + message;
}

/// A folder with the four files of a tiny MNIST.
void write_mnist(const TemporaryFolder& folder, uint32_t train = 50, uint32_t test = 20) {
  folder.write("train-images-idx3-ubyte.gz", gzip(idx({train, 28, 28})));
  folder.write("train-labels-idx1-ubyte", idx({train}, 10));
  folder.write("t10k-images.idx3-ubyte", idx({test, 28, 28}));
  folder.write("t10k-labels.idx1-ubyte.gz", gzip(idx({test}, 10)));
}

}  // namespace

TEST_CASE("IDX files of any rank are read, packed or plain") {
  const TemporaryFolder folder;
  for (const std::vector<uint32_t>& sizes : std::vector<std::vector<uint32_t>>{
           {0}, {1}, {7}, {3, 4}, {0, 28, 28}, {5, 0, 3}, {5, 2, 3}, {100, 28, 28}, {2, 3, 4, 5}}) {
    const std::string plain = idx(sizes);
    const Tensor a = data::load_idx(folder.write("plain", plain));
    const Tensor b = data::load_idx(folder.write("packed", gzip(plain)), static_cast<int>(sizes.size()));
    REQUIRE(a.rank() == static_cast<int>(sizes.size()));
    for (size_t i = 0; i < sizes.size(); ++i) CHECK(a.size(static_cast<int>(i)) == sizes[i]);
    const auto values = a.values<uint8_t>();
    for (size_t i = 0; i < values.size(); ++i) REQUIRE(values[i] == i % 251);
    CHECK(same_bits(a, b));
  }
}

TEST_CASE("a bad IDX file gives one clear error with its path") {
  const std::string good = idx({5, 2, 3});
  CHECK_THAT(flaw(""), ContainsSubstring("the header is cut off: the data end after 0 bytes"));
  CHECK_THAT(flaw(good.substr(0, 3)), ContainsSubstring("the header is cut off: the data end after 3 bytes"));
  CHECK_THAT(flaw(good.substr(0, 10)), ContainsSubstring("the header is cut off: the data end after 10 bytes"));
  CHECK_THAT(flaw(good.substr(0, good.size() - 1)), ContainsSubstring("has 46 bytes, but it has 45: it is cut off"));
  CHECK_THAT(flaw(good + "x"), ContainsSubstring("has 46 bytes, but it has 47: something follows the data"));
  CHECK_THAT(flaw("PK\3\4" + good), ContainsSubstring("not an IDX file: it begins with 50 4b 03 04"));
  CHECK_THAT(flaw(idx_header({2}, 0x0d) + "12345678"), ContainsSubstring("type 0x0d; only 0x08"));
  CHECK_THAT(flaw(good, 1), ContainsSubstring("it has 3 axes where 1 are expected"));
  CHECK_THAT(flaw(idx_header({})), ContainsSubstring("it has 0 axes where 1 to 4 are expected"));
  CHECK_THAT(flaw(idx_header({1, 1, 1, 1, 1}) + "x"), ContainsSubstring("it has 5 axes"));
  CHECK_THAT(flaw(idx_header({4'000'000'000, 1000, 1000})),
             ContainsSubstring("has 4000000000000016 bytes, but it has 16"));
  CHECK_THAT(flaw(idx_header({4'000'000'000, 4'000'000'000, 4'000'000'000, 0})),
             ContainsSubstring("more bytes than can be"));
}

TEST_CASE("a bad packed IDX file gives one clear error with its path") {
  const std::string good = idx({50, 20, 3}, 7), packed = gzip(good);
  CHECK_THAT(flaw(packed.substr(0, 5)), ContainsSubstring("the gzip stream is cut off after 5 bytes"));
  CHECK_THAT(flaw(packed.substr(0, packed.size() - 1)), ContainsSubstring("the gzip stream is cut off after"));
  CHECK_THAT(flaw(packed.substr(0, packed.size() / 2)), ContainsSubstring("the gzip stream is cut off after"));
  CHECK_THAT(flaw(packed + "x"), ContainsSubstring("something follows the gzip stream"));
  CHECK_THAT(flaw(packed + packed), ContainsSubstring("something follows the gzip stream"));
  CHECK_THAT(flaw(gzip(good + "x")), ContainsSubstring("something follows the data"));
  CHECK_THAT(flaw(gzip(good.substr(0, good.size() - 2))),
             ContainsSubstring("3016 bytes, but it has 3014: it is cut off"));
  CHECK_THAT(flaw(gzip(idx_header({60000, 28, 28}))), ContainsSubstring("packed bytes cannot hold that many"));
  CHECK_THAT(flaw(gzip(good.substr(0, 9))), ContainsSubstring("the header is cut off: the data end after 9 bytes"));
  CHECK_THAT(flaw(gzip(gzip(good))), ContainsSubstring("not an IDX file: it begins with 1f 8b"));
  std::string wrong_crc = packed, wrong_size = packed;
  wrong_crc[packed.size() - 8] ^= 1;
  wrong_size[packed.size() - 4] ^= 1;
  CHECK_THAT(flaw(wrong_crc), ContainsSubstring("the gzip stream is damaged: incorrect data check"));
  CHECK_THAT(flaw(wrong_size), ContainsSubstring("the gzip stream is damaged: incorrect length check"));
}

TEST_CASE("no flipped bit and no shortened file loads as if nothing had happened") {
  const TemporaryFolder folder;
  const std::string good = idx({4, 3, 5}, 13), packed = gzip(good);
  const Tensor expected = data::load_idx(folder.write("file", packed));
  int refused = 0;
  for (size_t bit = 0; bit < 8 * packed.size(); ++bit) {
    std::string bad = packed;
    bad[bit / 8] = static_cast<char>(bad[bit / 8] ^ (1 << bit % 8));
    const std::string path = folder.write("file", bad);
    Tensor loaded;
    if (refusal<DataError>([&] { loaded = data::load_idx(path); }).starts_with(path + ": ")) ++refused;
    // Flags, time stamp and system of the gzip header are free, so these bits may change nothing.
    CHECK((!loaded.defined() || same_bits(loaded, expected)));
  }
  CHECK(refused > 8 * static_cast<int>(packed.size() - 9));
  for (const std::string& whole : {good, packed}) {
    for (size_t length = 0; length < whole.size(); ++length) {
      const std::string path = folder.write("file", whole.substr(0, length));
      CHECK(refusal<DataError>([&] { data::load_idx(path); }).starts_with(path + ": "));
    }
  }
}

TEST_CASE("what is not a file is refused") {
  const TemporaryFolder folder;
  CHECK_THAT(refusal<DataError>([&] { data::load_idx(folder / "nothing"); }),
             ContainsSubstring((folder / "nothing") + ": cannot be opened: No such file"));
  CHECK_THAT(refusal<DataError>([&] { data::load_idx(folder.path()); }), ContainsSubstring("is not a regular file"));
  REQUIRE(mkfifo((folder / "pipe").c_str(), 0600) == 0);
  CHECK_THAT(refusal<DataError>([&] { data::load_idx(folder / "pipe"); }), ContainsSubstring("is not a regular file"));
}

TEST_CASE("images and labels are paired") {
  const TemporaryFolder folder;
  const std::string images = folder.write("images", idx({5, 2, 3})), labels = folder.write("labels", idx({5}, 3));
  const data::Dataset d = data::load_idx_pair(images, labels, {.name = "pair", .classes = 3});
  CHECK(d.x.shape() == Shape{5, 1, 2, 3});
  CHECK(d.x.dtype() == DType::u8);
  CHECK(to_list(d.y) == std::vector<int64_t>{0, 1, 2, 0, 1});
  CHECK((d.name == "pair" && d.classes == 3));

  CHECK(refusal<DataError>([&] { data::load_idx_pair(images, labels, {.name = "pair", .classes = 2}); }) ==
        labels + ": label 2 of sample 2 is outside [0, 2)");
  const std::string few = folder.write("few", idx({4}));
  CHECK(refusal<DataError>([&] { data::load_idx_pair(images, few, {.name = "pair"}); }) ==
        images + " has 5 images, but " + few + " has 4 labels");
  CHECK_THAT(refusal<DataError>([&] { data::load_idx_pair(labels, images, {.name = "pair"}); }),
             ContainsSubstring(images + ": it has 3 axes where 1 are expected"));
}

TEST_CASE("the four files of MNIST become three parts") {
  const TemporaryFolder folder;
  write_mnist(folder);
  const auto splits = data::load_mnist(folder.path(), {.seed = 1, .validation = 10});
  CHECK(splits.train.x.shape() == Shape{40, 1, 28, 28});
  CHECK(splits.validation.size() == 10);
  CHECK(splits.test.size() == 20);
  CHECK(splits.train.normalization == data::Normalization{{0.1307}, {0.3081}});
  CHECK(splits.train.name == "mnist");
  CHECK(same_bits(splits.test.x.reshape({20, 28, 28}), data::load_idx(folder / "t10k-images.idx3-ubyte")));

  const auto same = data::load_mnist(folder.path(), {.seed = 1, .validation = 10});
  CHECK(same_bits(same.train.x, splits.train.x));
  const auto other = data::load_mnist(folder.path(), {.seed = 2, .validation = 10});
  CHECK_FALSE(same_bits(other.train.y, splits.train.y));
  CHECK(data::load_mnist(folder.path(), {.validation = 0}).validation.size() == 0);

  const auto fashion = data::load_fashion_mnist(folder.path(), {.validation = 50});
  CHECK(fashion.train.size() == 0);
  CHECK(fashion.validation.class_name(9) == "Ankle boot");
  CHECK(fashion.test.normalization == data::Normalization{{0.2859}, {0.3530}});
}

TEST_CASE("an MNIST folder that is not whole is refused") {
  const TemporaryFolder folder;
  write_mnist(folder);
  CHECK_THAT(refusal<ValueError>([&] { data::load_mnist(folder.path()); }),
             ContainsSubstring("mnist: cannot set aside 10000 of 50 training images"));
  folder.write("t10k-images.idx3-ubyte", idx({20, 4, 5}));
  CHECK_THAT(refusal<DataError>([&] { data::load_mnist(folder.path(), {.validation = 1}); }),
             ContainsSubstring("t10k-images.idx3-ubyte: images must be 28 x 28, got 4 x 5"));
  folder.write("train-labels-idx1-ubyte", idx({49}, 10));
  CHECK_THAT(refusal<DataError>([&] { data::load_mnist(folder.path()); }), ContainsSubstring("50 images, but"));
  std::filesystem::remove(folder / "t10k-labels.idx1-ubyte.gz");
  CHECK(refusal<DataError>([&] { data::load_mnist(folder.path()); }) ==
        folder.path() + ": neither t10k-labels-idx1-ubyte nor t10k-labels-idx1-ubyte.gz is there");
}

}  // namespace divvy::test
