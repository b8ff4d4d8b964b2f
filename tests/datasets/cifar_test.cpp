#include "datasets/cifar.h"

#include "tests/datasets/data_support.h"

namespace divvy::test {

namespace {

/// `count` records with `label_bytes` labels (i, 3 i, ... modulo `classes`) and pixels that depend on their place.
std::string records(int64_t count, int64_t label_bytes, int64_t classes) {
  std::string bytes;
  for (int64_t i = 0; i < count; ++i) {
    for (int64_t b = 0; b < label_bytes; ++b) bytes += static_cast<char>(i * (2 * b + 1) % classes);
    for (int64_t p = 0; p < 3072; ++p) bytes += static_cast<char>((i + 7 * p) % 256);
  }
  return bytes;
}

void write_cifar10(const TemporaryFolder& folder) {
  for (const char* name : data::kCifar10Files) folder.write(name, records(6, 1, 10));
}

}  // namespace

TEST_CASE("CIFAR records are taken apart") {
  const TemporaryFolder folder;
  const data::Dataset ten = data::load_cifar10_file(folder.write("ten", records(12, 1, 10)));
  const data::Dataset fine = data::load_cifar100_file(folder.write("hundred", records(12, 2, 20)));
  const data::Dataset coarse = data::load_cifar100_file(folder / "hundred", true);
  CHECK((ten.classes == 10 && fine.classes == 100 && coarse.classes == 20));
  CHECK(ten.class_name(9) == "truck");
  for (const auto& d : {ten, fine, coarse}) {
    REQUIRE(d.x.shape() == Shape{12, 3, 32, 32});
    for (int64_t i = 0; i < 12; ++i) {
      for (int64_t p = 0; p < 3072; p += 11) REQUIRE(int{d.x.data<uint8_t>()[i * 3072 + p]} == (i + 7 * p) % 256);
    }
  }
  CHECK(to_list(ten.y) == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1});
  CHECK(to_list(coarse.y) == std::vector<int64_t>{0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  CHECK(to_list(fine.y) == std::vector<int64_t>{0, 3, 6, 9, 12, 15, 18, 1, 4, 7, 10, 13});
}

TEST_CASE("a CIFAR folder becomes three parts") {
  const TemporaryFolder folder;
  write_cifar10(folder);
  const auto splits = data::load_cifar10(folder.path(), {.seed = 1, .validation = 10});
  CHECK(splits.train.size() == 20);
  CHECK(splits.validation.size() == 10);
  CHECK(splits.test.size() == 6);
  CHECK(splits.train.normalization.mean == std::vector<double>{0.49, 0.48, 0.45});
  // Every training record is in one of the two parts: each of the five files has labels 0 to 5.
  auto counts = splits.train.class_counts();
  for (size_t c = 0; c < 10; ++c) CHECK(counts[c] + splits.validation.class_counts()[c] == (c < 6 ? 5 : 0));
  CHECK(same_bits(data::load_cifar10(folder.path(), {.seed = 1, .validation = 10}).train.x, splits.train.x));
  CHECK_FALSE(same_bits(data::load_cifar10(folder.path(), {.seed = 2, .validation = 10}).train.x, splits.train.x));

  const auto two = data::load_cifar10(folder.path(), {.validation = 4, .batches = 2});
  CHECK((two.train.size() == 8 && two.validation.size() == 4 && two.test.size() == 6));
  CHECK_THAT(refusal<ValueError>([&] { data::load_cifar10(folder.path(), {.batches = 6}); }),
             ContainsSubstring("not 6"));
  CHECK_THAT(refusal<ValueError>([&] { data::load_cifar10(folder.path(), {.batches = 0}); }),
             ContainsSubstring("not 0"));

  folder.write("train.bin", records(8, 2, 20));
  folder.write("test.bin", records(4, 2, 20));
  const auto hundred = data::load_cifar100(folder.path(), {.validation = 3}, true);
  CHECK((hundred.train.size() == 5 && hundred.validation.size() == 3 && hundred.test.size() == 4));
  CHECK(hundred.train.classes == 20);
}

TEST_CASE("bad CIFAR files are refused") {
  const TemporaryFolder folder;
  const std::string good = records(6, 1, 10);
  const auto flaw = [&](const std::string& bytes) {
    return refusal<DataError>([&] { data::load_cifar10_file(folder.write("bad", bytes)); });
  };
  CHECK(flaw(good.substr(1)) == (folder / "bad") + ": its 18437 bytes are not a whole number of records of 3073 bytes");
  CHECK_THAT(flaw(good + "x"), ContainsSubstring("18439 bytes are not a whole number"));
  CHECK_THAT(flaw(""), ContainsSubstring("its 0 bytes are not"));
  CHECK_THAT(flaw(records(20, 1, 12)),
             ContainsSubstring((folder / "bad") + ": label 10 of sample 10 is outside [0, 10)"));
  CHECK_THAT(refusal<DataError>([&] { data::load_cifar10_file(folder / "nothing"); }),
             ContainsSubstring("cannot be opened"));
  CHECK(refusal<DataError>([&] { data::load_cifar100(folder.path()); }) ==
        folder.path() + ": train.bin, test.bin are not there");
  write_cifar10(folder);
  std::filesystem::remove(folder / "data_batch_3.bin");
  CHECK(refusal<DataError>([&] { data::load_cifar10(folder.path()); }) ==
        folder.path() + ": data_batch_3.bin is not there");
  folder.write("data_batch_3.bin", good);
  CHECK_THAT(refusal<ValueError>([&] { data::load_cifar10(folder.path()); }),
             ContainsSubstring("cannot set aside 10000 of 30 training images"));
}

}  // namespace divvy::test
