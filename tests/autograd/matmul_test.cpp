#include "autograd/ops/matmul.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_matmul(const Tensor& a, const Tensor& b, bool ta, bool tb) {
  const int64_t m = a.size(ta ? -1 : -2), depth = a.size(ta ? -2 : -1), n = b.size(tb ? -2 : -1);
  const int64_t products = a.rank() == 3 ? a.size(0) : 1;
  Tensor y = Tensor::zeros(a.rank() == 3 ? Shape{products, m, n} : Shape{m, n}, DType::f64);
  const double *left = a.data<double>(), *right = b.data<double>();
  double* out = y.mutable_data<double>();
  for (int64_t s = 0; s < products; ++s) {
    for (int64_t i = 0; i < m; ++i) {
      for (int64_t j = 0; j < n; ++j) {
        for (int64_t p = 0; p < depth; ++p) {
          out[(s * m + i) * n + j] += left[s * m * depth + (ta ? p * m + i : i * depth + p)] *
                                      right[s * depth * n + (tb ? j * depth + p : p * n + j)];
        }
      }
    }
  }
  return y;
}

}  // namespace

TEST_CASE("matmul", "[op]") {
  struct Sizes {
    int64_t products, m, n, depth;  // products = -1: rank 2
  };
  OpCase op_case;
  uint64_t seed = 1;
  for (const Sizes& s : {Sizes{-1, 1, 1, 1},
                         {-1, 3, 4, 5},
                         {-1, 1, 7, 3},
                         {-1, 7, 1, 3},
                         {-1, 4, 5, 1},
                         {-1, 0, 3, 2},
                         {-1, 3, 0, 2},
                         {-1, 3, 2, 0},
                         {-1, 17, 33, 20},
                         {-1, 130, 2, 3},
                         {-1, 2, 258, 3},
                         {-1, 2, 3, 260},
                         {0, 2, 3, 4},
                         {1, 2, 3, 4},
                         {3, 1, 1, 1},
                         {3, 4, 5, 6},
                         {5, 1, 3, 8},
                         {2, 3, 2, 0}}) {
    for (const bool ta : {false, true}) {
      for (const bool tb : {false, true}) {
        const Shape stack = s.products < 0 ? Shape{} : Shape{s.products};
        const Tensor a = random_tensor(stack.concat(ta ? Shape{s.depth, s.m} : Shape{s.m, s.depth}), seed++);
        const Tensor b = random_tensor(stack.concat(tb ? Shape{s.n, s.depth} : Shape{s.depth, s.n}), seed++);
        op_case.samples.push_back(
            {fmt::format("{}{} x {}{}", a.shape(), ta ? "^T" : "", b.shape(), tb ? "^T" : ""),
             {a, b},
             [=](const auto& in) { return matmul(in[0], in[1], {.transpose_a = ta, .transpose_b = tb}); },
             [=](const auto& in) { return naive_matmul(in[0], in[1], ta, tb); }});
      }
    }
  }
  const auto zeros = [](const Shape& shape, DType dtype = DType::f32) { return Variable(Tensor::zeros(shape, dtype)); };
  op_case.errors = {
      refuses<ShapeError>(
          "inner sizes",
          [=] {
            matmul(zeros({2, 3}), zeros({4, 5}));
          },
          "unequal inner sizes: [2, 3] and [4, 5]"),
      refuses<ShapeError>(
          "inner sizes after transposing",
          [=] {
            matmul(zeros({2, 3}), zeros({3, 5}), {true, false});
          },
          "unequal inner sizes: [2, 3] transposed and [3, 5]"),
      refuses<ShapeError>(
          "leading sizes",
          [=] {
            matmul(zeros({2, 2, 3}), zeros({4, 3, 5}));
          },
          "unequal leading sizes"),
      refuses<ShapeError>(
          "a vector", [=] { matmul(zeros({3}), zeros({3})); }, "rank 2, or both rank 3: [3] and [3]"),
      refuses<ShapeError>(
          "ranks 2 and 3",
          [=] {
            matmul(zeros({2, 3}), zeros({2, 3, 5}));
          },
          "both rank 3"),
      refuses<DTypeError>(
          "two types",
          [=] {
            matmul(zeros({2, 3}), zeros({3, 5}, DType::f64));
          },
          "b must be f32, got f64"),
      refuses<DTypeError>(
          "integers",
          [=] {
            matmul(zeros({2, 3}, DType::i64), zeros({3, 5}));
          },
          "f32 or f64, got i64"),
      refuses<ValueError>(
          "no variable",
          [=] {
            matmul(Variable(), zeros({3, 5}));
          },
          "undefined"),
  };
  check(op_case);
}

}  // namespace divvy::test
