#include "tensor/npy.h"

#include <cmath>
#include <limits>

#include "tensor/allocator.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/failing_calls.h"
#include "tests/support/temporary_folder.h"

namespace divvy::test {

namespace {

/// A file of format `major`.0 with the header and elements given.
std::string npy(const std::string& header, const std::string& elements = "", char major = 1) {
  std::string file = std::string("\x93NUMPY") + major + '\0';
  const size_t length = header.size();
  for (int byte = 0; byte < (major == 1 ? 2 : 4); ++byte) file += static_cast<char>(length >> (8 * byte) & 0xff);
  return file + header + elements;
}

const std::string kGood = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }\n";
const std::string kEight("\x01\x00\x00\x00\xfe\xff\xff\xff", 8);

std::string with_shape(const std::string& shape) {
  return "{'descr': '|u1', 'fortran_order': False, 'shape': " + shape + ", }\n";
}

Tensor load(const std::string& bytes) {
  const TemporaryFolder folder;
  write_bytes(folder / "a.npy", bytes);
  return load_npy(folder / "a.npy");
}

/// The message of the DataError that loading these bytes gives.
std::string refusal(const std::string& bytes) {
  const TemporaryFolder folder;
  const auto path = folder / "a.npy";
  write_bytes(path, bytes);
  try {
    load_npy(path);
  } catch (const DataError& error) {
    const std::string message = error.what();
    CHECK(message.starts_with(path.string() + ": "));
    CHECK(message.find('\n') == std::string::npos);
    return message;
  }
  return "loaded";
}

auto says(const std::string& text) { return Catch::Contains(text); }

}  // namespace

TEST_CASE("Arrays of every type come back from .npy bit by bit") {
  const TemporaryFolder folder;
  const double inf = std::numeric_limits<double>::infinity();
  const Tensor tensors[] = {
      Tensor::from({1.5f, -0.f, 3e38f, std::nanf(""), 1e-45f, -2.f}, {2, 3}),
      Tensor::from({1. / 3, -inf}),
      Tensor::from({std::numeric_limits<int32_t>::min(), 7}, {2, 1}),
      Tensor::from({std::numeric_limits<int64_t>::max(), int64_t{-1}}, {1, 1, 2}),
      Tensor::from({uint8_t{0}, uint8_t{255}, uint8_t{3}}),
      Tensor::scalar(2.5, DType::f64),
      Tensor::zeros({0}),
      Tensor::zeros({3, 0, 2}, DType::i64),
      Tensor::zeros({1, 1, 1, 1, 1, 1, 1, 1}),
  };
  for (const Tensor& tensor : tensors) {
    save_npy(folder / "a.npy", tensor);
    CHECK(same_bits(load_npy(folder / "a.npy"), tensor));
    // The elements begin at a multiple of 64 bytes, as the format asks.
    const auto size = static_cast<int64_t>(read_bytes(folder / "a.npy").size());
    CHECK((size - tensor.nbytes()) % 64 == 0);
  }
}

TEST_CASE("A view is saved with its own elements only") {
  const TemporaryFolder folder;
  const Tensor rows = Tensor::from({1, 2, 3, 4, 5, 6}, {3, 2});
  save_npy(folder / "a.npy", rows.slice(1, 2));
  CHECK(same_bits(load_npy(folder / "a.npy"), Tensor::from({3, 4}, {1, 2})));
}

TEST_CASE("The file is the one that the format describes") {
  const TemporaryFolder folder;
  save_npy(folder / "a.npy", Tensor::from({1, -2}));
  std::string header = "{'descr': '<i4', 'fortran_order': False, 'shape': (2,), }";
  header.resize(117, ' ');
  CHECK(read_bytes(folder / "a.npy") == npy(header + "\n", kEight));
  save_npy(folder / "a.npy", Tensor::zeros({2, 3}));
  CHECK(read_bytes(folder / "a.npy").find("'<f4', 'fortran_order': False, 'shape': (2, 3), }") != std::string::npos);
  save_npy(folder / "a.npy", Tensor::scalar(1));
  CHECK(read_bytes(folder / "a.npy").find("'shape': (), }") != std::string::npos);
}

TEST_CASE("Headers of all versions, in any order and spacing, are read") {
  const Tensor expected = Tensor::from({1, -2});
  for (const char version : {'\1', '\2', '\3'}) CHECK(same_bits(load(npy(kGood, kEight, version)), expected));
  CHECK(same_bits(load(npy("{\"shape\":(2,),\"fortran_order\":False,\"descr\":\"<i4\"}   \n", kEight)), expected));
  CHECK(same_bits(load(npy("{ 'fortran_order' : False , 'descr' : '<i4' , 'shape' : ( 2 , ) }\n", kEight)), expected));
  CHECK(load(npy(with_shape("(1, 2)"), "ab")).shape() == Shape{1, 2});
  CHECK(load(npy(with_shape("(1, 2, )"), "ab")).shape() == Shape{1, 2});
  CHECK(load(npy("{'descr': '<u1', 'fortran_order': False, 'shape': ()}\n", "a")).item() == 'a');
}

TEST_CASE("What is no .npy file is refused") {
  CHECK_THAT(refusal(""), says("is no .npy file"));
  CHECK_THAT(refusal("\x93NUMPX\x01" + std::string(20, '\0')), says("is no .npy file"));
  CHECK_THAT(refusal("PK\x03\x04" + std::string(20, 'x')), says("was it written by numpy.save?"));
  CHECK_THROWS_AS(load_npy("/nonexistent/a.npy"), DataError);
}

TEST_CASE("Unknown versions are refused") {
  CHECK_THAT(refusal(npy(kGood, kEight, 4)), says(".npy format 4.0 is unknown"));
  CHECK_THAT(refusal(npy(kGood, kEight, 0)), says("format 0.0 is unknown"));
  std::string minor = npy(kGood, kEight);
  minor[7] = 1;
  CHECK_THAT(refusal(minor), says("format 1.1 is unknown"));
}

TEST_CASE("A header length past the end of the file, or absurd, is refused") {
  std::string file = npy(kGood, kEight);
  file[8] = '\xff';
  CHECK_THAT(refusal(file), says("is cut off: its header has 255 bytes, 66 are left"));
  file = npy(kGood, kEight, 2);
  file[11] = '\x7f';
  CHECK_THAT(refusal(file), says("bytes is too long; at most 65535"));
  CHECK_THAT(refusal(npy("", "", 2).substr(0, 10)), says("ends too early"));
}

TEST_CASE("Header keys must each be there once, and no others") {
  CHECK_THAT(refusal(npy("{'fortran_order': False, 'shape': (2,), }\n", kEight)), says("the key 'descr' is missing"));
  CHECK_THAT(refusal(npy("{'descr': '<i4', 'shape': (2,), }\n", kEight)), says("the key 'fortran_order' is missing"));
  CHECK_THAT(refusal(npy("{'descr': '<i4', 'fortran_order': False}\n", kEight)), says("the key 'shape' is missing"));
  CHECK_THAT(refusal(npy("{}\n")), says("is missing"));
  const std::string start = kGood.substr(0, kGood.size() - 2);
  CHECK_THAT(refusal(npy(start + "'descr': '<f4'}\n", kEight)), says("the key 'descr' is there twice"));
  CHECK_THAT(refusal(npy(start + "'fortran_order': False}\n", kEight)), says("the key 'fortran_order' is there twice"));
  CHECK_THAT(refusal(npy(start + "'shape': (2,)}\n", kEight)), says("the key 'shape' is there twice"));
  CHECK_THAT(refusal(npy(start + "'order': 'C'}\n", kEight)), says("unknown key 'order'"));
}

TEST_CASE("A header that is no plain dictionary is refused") {
  CHECK_THAT(refusal(npy("")), says("expected '{' at its byte 0"));
  CHECK_THAT(refusal(npy("[]\n")), says("expected '{' at its byte 0"));
  CHECK_THAT(refusal(npy("{\n")), says("expected a quoted string at its byte 1"));
  CHECK_THAT(refusal(npy("{,}\n")), says("expected a quoted string"));
  CHECK_THAT(refusal(npy("{1: 2}\n")), says("expected a quoted string"));
  CHECK_THAT(refusal(npy("{'descr: '<i4'}\n")), says("expected ':'"));
  CHECK_THAT(refusal(npy("{'descr}\n")), says("a quoted string has no end"));
  CHECK_THAT(refusal(npy("{'de\tscr': '<i4'}\n")), says("other than plain ASCII"));
  CHECK_THAT(refusal(npy("{'descr' '<i4'}\n")), says("expected ':'"));
  CHECK_THAT(refusal(npy("{'descr': '<i4' 'shape': (2,)}\n")), says("expected ','"));
  CHECK_THAT(refusal(npy("{'descr': '<i4', 'fortran_order': 0, 'shape': (2,)}\n", kEight)),
             says("must be True or False"));
}

TEST_CASE("After the dictionary there are spaces and one line feed") {
  const std::string bare = kGood.substr(0, kGood.size() - 1);
  for (const std::string& end : {std::string(), std::string("   "), std::string("\n "), std::string("\n\n"),
                                 std::string(" x\n"), std::string("\0\n", 2)}) {
    CHECK_THAT(refusal(npy(bare + end, kEight)), says("must be followed by spaces and one line feed"));
  }
  CHECK(load(npy(bare + std::string(100, ' ') + "\n", kEight)).numel() == 2);
}

TEST_CASE("Types of .npy that a tensor does not have are refused by name") {
  const auto with_descr = [](const std::string& descr) {
    return refusal(npy("{'descr': " + descr + ", 'fortran_order': False, 'shape': (2,), }\n", kEight));
  };
  CHECK_THAT(with_descr("'<f2'"), says("the type '<f2' is none of <f4 <f8 <i4 <i8 |u1"));
  for (const std::string descr :
       {"'|b1'", "'<u4'", "'<c8'", "'|O'", "'<U3'", "'|V2'", "'=f4'", "''", "'<f4 '", "'f4'"}) {
    CHECK_THAT(with_descr(descr), says("is none of"));
  }
  CHECK_THAT(with_descr("'>f4'"), says("the type '>f4' is big-endian; save the array with .astype('<f4')"));
  CHECK_THAT(with_descr("[('a', '<f4')]"), says("structured type"));
  CHECK_THAT(with_descr("4"), says("expected a quoted string"));
}

TEST_CASE("Fortran order is refused") {
  CHECK_THAT(refusal(npy("{'descr': '<i4', 'fortran_order': True, 'shape': (2,), }\n", kEight)),
             says("Fortran order; save it with numpy.ascontiguousarray"));
}

TEST_CASE("A shape must be a tuple of sizes") {
  CHECK_THAT(refusal(npy(with_shape("2"))), says("expected '('"));
  CHECK_THAT(refusal(npy(with_shape("[2]"))), says("expected '('"));
  CHECK_THAT(refusal(npy(with_shape("(2)"))), says("'shape' must be a tuple: (n,) and not (n)"));
  CHECK_THAT(refusal(npy(with_shape("(,)"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(2,,2)"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(2 2)"))), says("expected ',' or ')'"));
  CHECK_THAT(refusal(npy(with_shape("(2"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(2L,)"))), says("expected ',' or ')'"));
  CHECK_THAT(refusal(npy(with_shape("(2.0,)"))), says("expected ',' or ')'"));
  CHECK_THAT(refusal(npy(with_shape("(-1,)"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(-0,)"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(+2,)"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(02,)"))), says("leading zero"));
  CHECK_THAT(refusal(npy(with_shape("(None,)"))), says("no whole number"));
  CHECK_THAT(refusal(npy(with_shape("(1, 1, 1, 1, 1, 1, 1, 1, 1)"))), says("more than 8 axes"));
}

TEST_CASE("Sizes that overflow are refused") {
  CHECK_THAT(refusal(npy(with_shape("(9223372036854775808,)"))), says("does not fit 64 bits"));
  CHECK_THAT(refusal(npy(with_shape("(4294967296, 4294967296)"))), says("more elements than int64 can count"));
  CHECK_THAT(refusal(npy(with_shape("(4294967296, 4294967296, 0)"))), says("more elements than int64 can count"));
  const std::string wide = "{'descr': '<f8', 'fortran_order': False, 'shape': (1152921504606846976, 2), }\n";
  CHECK_THAT(refusal(npy(wide, kEight)), says("has 8 bytes of elements, but f64 [1152921504606846976, 2] needs"));
}

TEST_CASE("Elements that are too few or too many are refused") {
  CHECK_THAT(refusal(npy(kGood, kEight + "x")),
             says("has 9 bytes of elements, but i32 [2] needs 2 elements of 4 bytes; the file is damaged"));
  CHECK_THAT(refusal(npy(with_shape("(0,)"), "x")), says("has 1 bytes of elements"));
  const std::string whole = npy(kGood, kEight);
  for (size_t length = 0; length < whole.size(); ++length) CHECK(refusal(whole.substr(0, length)) != "loaded");
}

TEST_CASE("A huge size claimed by a .npy file allocates nothing") {
  allocator({}).reset_peak();
  const int64_t before = allocator({}).stats().peak_bytes;
  CHECK_THAT(refusal(npy(with_shape("(1099511627776,)"), "x")), says("has 1 bytes of elements"));
  CHECK(allocator({}).stats().peak_bytes == before);
}

TEST_CASE("What cannot be saved as .npy is refused") {
  const TemporaryFolder folder;
  CHECK_THROWS_AS(save_npy(folder / "a.npy", Tensor::zeros({2}, DType::bf16)), DTypeError);
  CHECK_THROWS_WITH(save_npy(folder / "a.npy", Tensor::zeros({2}, DType::bf16)), says("NumPy has no type for bf16"));
  CHECK_THROWS_AS(save_npy(folder / "a.npy", Tensor()), ValueError);
  CHECK_THROWS_AS(save_npy(folder / "none/a.npy", Tensor::zeros({2})), DataError);
  CHECK(std::filesystem::is_empty(folder.path()));
}

TEST_CASE("Saving .npy survives every failing system call") {
  const TemporaryFolder folder;
  const Tensor versions[] = {Tensor::full({20}, 1), Tensor::full({3, 3}, 2)};
  const int failures =
      fail_every_call([&](bool newer) { save_npy(folder / "a.npy", versions[newer]); },
                      [&](bool newer) { return same_bits(load_npy(folder / "a.npy"), versions[newer]); });
  CHECK(failures >= 24);
}

}  // namespace divvy::test
