#include "kernels/rows.h"

#include <random>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;

}  // namespace

TEST_CASE("gather_rows and scatter_add_rows agree with the definition in 1,200 random cases", "[kernel]") {
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
    Tensor y = Tensor::full({count, cols}, 99, DType::f64), sum = Tensor::full({rows, cols}, 99, DType::f64);
    kernels::gather_rows(table, Tensor::from(index, {count}), y);
    kernels::scatter_add_rows(added, Tensor::from(index, {count}), sum);
    INFO("case " << i << ": " << rows << " rows of " << cols << ", " << count << " indices");
    REQUIRE(same_bits(y, Tensor::from(gathered, {count, cols})));
    REQUIRE(same_bits(sum, Tensor::from(sums, {rows, cols})));
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
