#include "autograd/ops/rows.h"

#include <cmath>
#include <vector>

#include "kernels/rows.h"
#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

/// One row at a time: y[to[i]] += x[from[i]].
Tensor add_rows(const Tensor& x, const std::vector<int64_t>& from, const std::vector<int64_t>& to, int64_t rows) {
  Tensor y = Tensor::zeros(x.shape().with(0, rows), DType::f64);
  const int64_t cols = x.shape().range(1).numel();
  for (size_t i = 0; i < from.size(); ++i) {
    for (int64_t c = 0; c < cols; ++c) {
      y.mutable_data<double>()[to[i] * cols + c] += x.data<double>()[from[i] * cols + c];
    }
  }
  return y;
}

std::vector<int64_t> numbers(int64_t count) {
  std::vector<int64_t> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(i);
  return result;
}

std::vector<int64_t> values(const Tensor& index) {
  const auto span = index.values<int64_t>();
  return {span.begin(), span.end()};
}

struct Size {
  int64_t table, count;
  Shape row;
};

const std::vector<Size> kSizes = {{1, 1, {}},    {5, 0, {}},     {5, 7, {}},        {0, 0, {3}},    {4, 0, {3}},
                                  {3, 5, {0}},   {3, 5, {1}},    {1, 6, {4}},       {6, 1, {4}},    {2, 9, {17}},
                                  {9, 2, {33}},  {4, 4, {2, 3}}, {5, 8, {2, 2, 2}}, {7, 3, {1, 5}}, {3, 12, {2, 0, 2}},
                                  {40, 30, {3}}, {8, 20, {9}}};

std::string label(const Size& size) { return fmt::format("{} rows {}, {} indices", size.table, size.row, size.count); }

Shape rows_of(int64_t rows, const Shape& row) { return Shape{rows}.concat(row); }

OpCase gather_case() {
  OpCase result;
  uint64_t seed = 1;
  for (const Size& size : kSizes) {
    const Tensor index = random_indices({size.count}, size.table, seed);
    result.samples.push_back(
        {label(size),
         {random_tensor(rows_of(size.table, size.row), seed++)},
         [=](const auto& in) { return gather_rows(in[0], index.to(in[0].device())); },
         [=](const auto& in) { return add_rows(in[0], values(index), numbers(index.numel()), index.numel()); }});
  }
  const Variable x(Tensor::zeros({3, 2}));
  const Tensor index = Tensor::from<int64_t>({0, 2});
  result.errors = {
      refuses<ValueError>(
          "a row too far",
          [=] {
            gather_rows(x, Tensor::from<int64_t>({0, 3}));
          },
          "gather_rows: index[1] = 3 is outside [0, 3)"),
      refuses<ValueError>(
          "a negative row", [=] { gather_rows(x, Tensor::from<int64_t>({-1})); }, "outside [0, 3)"),
      refuses<ValueError>(
          "a row of an empty table",
          [=] {
            gather_rows(Variable(Tensor::zeros({0, 2})), index);
          },
          "[0, 0)"),
      refuses<DTypeError>(
          "an index of i32", [=] { gather_rows(x, Tensor::from<int32_t>({0})); }, "must be i64, got i32"),
      refuses<ShapeError>(
          "an index of rank 2",
          [=] {
            gather_rows(x, index.reshape({2, 1}));
          },
          "rank 1, got [2, 1]"),
      refuses<ShapeError>(
          "a scalar", [=] { gather_rows(Variable(Tensor::scalar(1)), index); }, "rank 1 or more, got []"),
      refuses<ValueError>(
          "no index", [=] { gather_rows(x, Tensor()); }, "index is undefined"),
  };
  return result;
}

OpCase scatter_case() {
  OpCase result;
  uint64_t seed = 100;
  for (const Size& size : kSizes) {
    const Tensor index = random_indices({size.count}, size.table, seed);
    result.samples.push_back(
        {label(size),
         {random_tensor(rows_of(size.count, size.row), seed++)},
         [=](const auto& in) { return scatter_add_rows(in[0], index.to(in[0].device()), size.table); },
         [=](const auto& in) { return add_rows(in[0], numbers(index.numel()), values(index), size.table); }});
  }
  const Variable x(Tensor::zeros({2, 2}));
  const Tensor index = Tensor::from<int64_t>({0, 2});
  result.errors = {
      refuses<ValueError>(
          "a row too far", [=] { scatter_add_rows(x, index, 2); }, "scatter_add_rows: index[1] = 2 is outside [0, 2)"),
      refuses<ShapeError>(
          "more rows than indices", [=] { scatter_add_rows(x, Tensor::from<int64_t>({0}), 3); },
          "x must be [1, 2], got [2, 2]"),
      refuses<ShapeError>(
          "a negative number of rows", [=] { scatter_add_rows(x, index, -1); }, "negative"),
      refuses<DTypeError>(
          "an index of i32",
          [=] {
            scatter_add_rows(x, Tensor::from<int32_t>({0, 1}), 3);
          },
          "i64"),
      refuses<DTypeError>(
          "integers",
          [=] {
            scatter_add_rows(Variable(Tensor::zeros({2, 2}, DType::i64)), index, 3);
          },
          "f32 or f64, got i64"),
      refuses<ShapeError>(
          "an index of rank 2",
          [=] {
            scatter_add_rows(x, index.reshape({2, 1}), 3);
          },
          "rank 1"),
      refuses<ShapeError>(
          "a scalar", [=] { scatter_add_rows(Variable(Tensor::scalar(1)), index, 3); }, "rank 1 or more"),
  };
  return result;
}

}  // namespace

TEST_CASE("gather_rows", "[op]") { check(gather_case()); }
TEST_CASE("scatter_add_rows", "[op]") { check(scatter_case()); }

TEST_CASE("gather_rows takes rows of any type", "[op]") {
  const Variable images(Tensor::from<uint8_t>({1, 2, 3, 4, 5, 6}, {3, 2}));
  const Variable y = gather_rows(images, Tensor::from<int64_t>({2, 0, 2}));
  CHECK(same_bits(y.value(), Tensor::from<uint8_t>({5, 6, 1, 2, 5, 6}, {3, 2})));
}

TEST_CASE("scatter_add_rows adds in the order of the index, however the work is cut", "[op]") {
  // Long enough for the parallel way: many rows, few rows, one overloaded row, wide rows.
  for (const Size& size :
       std::vector<Size>{{5000, 20000, {3}}, {3, 20000, {2}}, {1, 9000, {7}}, {4, 50, {3000}}, {2, 40000, {}}}) {
    const Tensor x = random_tensor(rows_of(size.count, size.row), 5, -1, 1, DType::f32);
    Tensor index = random_indices({size.count}, size.table, 6);
    for (int64_t i = 0; i < size.count; i += 2) index.mutable_values<int64_t>()[static_cast<size_t>(i)] = 0;
    Tensor expected = Tensor::zeros(rows_of(size.table, size.row)), got = Tensor::full(expected.shape(), NAN);
    const int64_t cols = size.row.numel();
    for (int64_t n = 0; n < size.count; ++n) {
      float* to = expected.mutable_data<float>() + index.data<int64_t>()[n] * cols;
      for (int64_t c = 0; c < cols; ++c) to[c] += x.data<float>()[n * cols + c];
    }
    kernels::scatter_add_rows(x, index, got);
    INFO(label(size));
    CHECK(same_bits(got, expected));
  }
}

}  // namespace divvy::test
