#include "kernels/rows.h"

#include <random>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("gather_rows and scatter_add_rows agree with the definition in 1,200 random cases", "[kernel][device]") {
  std::mt19937_64 random(3);
  for (uint64_t i = 0; i < 1200; ++i) {
    const auto pick = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    const int64_t rows = i % 7 == 0 ? 1 : pick(1, 50), cols = i % 13 == 0 ? 0 : pick(1, 30);
    // Every hundredth is large enough for the parallel way.
    const int64_t count = i % 11 == 0 ? 0 : pick(1, i % 100 == 1 ? 3000 : 80);
    std::vector<int64_t> index(static_cast<size_t>(count));
    for (int64_t& row : index) row = pick(0, pick(0, rows - 1));  // skewed to the low rows; some get none
    const Tensor table = random_tensor({rows, cols}, 2 * i), added = random_tensor({count, cols}, 2 * i + 1);
    std::vector<double> gathered, sums(static_cast<size_t>(rows * cols), 0);
    for (size_t n = 0; n < index.size(); ++n) {
      for (int64_t c = 0; c < cols; ++c) {
        gathered.push_back(table.data<double>()[index[n] * cols + c]);
        sums[static_cast<size_t>(index[n] * cols + c)] += added.data<double>()[static_cast<int64_t>(n) * cols + c];
      }
    }
    for (const Device device : available_devices()) {
      INFO("case " << i << ": " << rows << " rows of " << cols << ", " << count << " indices on "
                   << device.to_string());
      const Tensor at = Tensor::from(index, {count}).to(device);
      Tensor y = Tensor::full({count, cols}, 99, DType::f64, device);
      Tensor sum = Tensor::full({rows, cols}, 99, DType::f64, device);
      kernels::gather_rows(table.to(device), at, y);
      kernels::scatter_add_rows(added.to(device), at, sum);
      REQUIRE(same_bits(y.to(Device::cpu()), Tensor::from(gathered, {count, cols})));
      REQUIRE(same_bits(sum.to(Device::cpu()), Tensor::from(sums, {rows, cols})));
    }
  }
}

TEST_CASE("scatter_add_rows onto more rows than a block has counters for", "[kernel][device]") {
  for (const int64_t rows : {int64_t{4095}, int64_t{4096}, int64_t{70000}}) {
    const int64_t count = 9000, cols = 3;
    const Tensor index = random_indices({count}, rows, 5), x = random_tensor({count, cols}, 6);
    Tensor expected = Tensor::zeros({rows, cols}, DType::f64);
    for (int64_t n = 0; n < count * cols; ++n) {
      expected.mutable_data<double>()[index.data<int64_t>()[n / cols] * cols + n % cols] += x.data<double>()[n];
    }
    for (const Device device : available_devices()) {
      INFO(rows << " rows on " << device.to_string());
      Tensor sum = Tensor::full({rows, cols}, 99, DType::f64, device);
      kernels::scatter_add_rows(x.to(device), index.to(device), sum);
      CHECK(same_bits(sum.to(Device::cpu()), expected));
    }
  }
}

TEST_CASE("rows of any number of bytes are gathered, wherever they start", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const int64_t cols : {1, 2, 3, 4, 6, 8, 16, 24, 1000}) {
      for (const int64_t skipped : {0, 1, 2, 4}) {
        Tensor bytes = Tensor::empty({skipped + 5 * cols}, DType::u8);
        for (int64_t i = 0; i < bytes.numel(); ++i)
          bytes.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(i * 7 % 251);
        const Tensor x = bytes.slice(skipped, bytes.numel()).reshape({5, cols});
        Tensor y = Tensor::zeros({3, cols}, DType::u8, device);
        kernels::gather_rows(bytes.to(device).slice(skipped, bytes.numel()).reshape({5, cols}),
                             Tensor::from<int64_t>({4, 0, 3}).to(device), y);
        const Tensor got = y.to(Device::cpu());
        INFO(cols << " columns, " << skipped << " bytes in on " << device.to_string());
        CHECK(same_bits(got[0], x[4]));
        CHECK(same_bits(got[1], x[0]));
        CHECK(same_bits(got[2], x[3]));
      }
    }
  }
}

TEST_CASE("the kernels of a device report an index out of range at the next copy to the host", "[kernel][device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const Tensor x = Tensor::full({3, 2}, 5, DType::f32, device), two = Tensor::full({2, 2}, 5, DType::f32, device);
    const Tensor index = Tensor::from<int64_t>({1, 3}).to(device);
    Tensor y = Tensor::zeros({2, 2}, DType::f32, device), sum = Tensor::zeros({3, 2}, DType::f32, device);
    kernels::gather_rows(x, index, y);
    CHECK_THAT(refusal<ValueError>([&] { y.to(Device::cpu()); }),
               Contains("gather_rows: an index is out of range, in a tensor on cuda:0"));
    CHECK(same_bits(y.to(Device::cpu()), Tensor::from<float>({5, 5, 0, 0}, {2, 2})));
    kernels::scatter_add_rows(two, index, sum);
    CHECK_THAT(refusal<ValueError>([&] { sum.to(Device::cpu()); }), Contains("scatter_add_rows: an index"));
    CHECK(same_bits(sum.to(Device::cpu()), Tensor::from<float>({0, 0, 5, 5, 0, 0}, {3, 2})));
  }
}

TEST_CASE("the kernels of rows refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({3, 2}), index = Tensor::from<int64_t>({0, 2});
  Tensor two = Tensor::zeros({2, 2}), wide = Tensor::zeros({2, 3}), whole = Tensor::zeros({2, 2}, DType::i64),
         table = x.clone();
  CHECK_NOTHROW(kernels::gather_rows(x, index, two));
  CHECK_THAT(refusal<ShapeError>([&] { kernels::gather_rows(x, index, wide); }),
             Contains("output must be [2, 2], got [2, 3]"));
  CHECK_THAT(refusal<DTypeError>([&] { kernels::gather_rows(x, index, whole); }),
             Contains("output must be f32, got i64"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::gather_rows(two, index, two); }),
             Contains("index[1] = 2 is outside [0, 2)"));
  CHECK_NOTHROW(kernels::scatter_add_rows(two, index, table));
  CHECK_THAT(refusal<ShapeError>([&] { kernels::scatter_add_rows(wide, index, table); }),
             Contains("x must be [2, 2], got [2, 3]"));
  CHECK_THAT(refusal<DTypeError>([&] { kernels::scatter_add_rows(whole, index, table); }),
             Contains("f32 or f64, got i64"));
  CHECK_THAT(refusal<ValueError>([&] { kernels::scatter_add_rows(two, index, two); }), Contains("index[1] = 2"));
}

}  // namespace divvy::test
