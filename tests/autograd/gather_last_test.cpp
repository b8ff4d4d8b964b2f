#include "autograd/ops/gather_last.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_gather_last(const Tensor& x, const Tensor& index) {
  Tensor y = Tensor::empty(index.shape(), DType::f64);
  const int64_t cols = x.shape().cols(), k = index.shape().cols();
  const double* in = x.data<double>();
  double* out = y.mutable_data<double>();
  for (int64_t i = 0; i < y.numel(); ++i) out[i] = in[i / k * cols + index.data<int64_t>()[i]];
  return y;
}

}  // namespace

TEST_CASE("gather_last", "[op]") {
  OpCase result;
  uint64_t seed = 1;
  for (const Shape& shape : {Shape{1}, {6}, {1, 1}, {3, 1}, {1, 5}, {4, 7}, {2, 3, 4}, {0, 3}, {2, 0, 5}}) {
    for (int64_t k : {0, 1, 2, 9}) {  // with k > C an entry is taken more than once
      const Tensor index = random_indices(shape.with(-1, k), shape.cols(), seed);
      result.samples.push_back({fmt::format("{} entries of {}", k, shape),
                                {random_tensor(shape, seed++)},
                                [=](const auto& in) { return gather_last(in[0], index.to(in[0].device())); },
                                [=](const auto& in) { return naive_gather_last(in[0], index); }});
    }
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ValueError>(
          "an index past the end",
          [=] {
            gather_last(x, Tensor::from<int64_t>({0, 3}, {2, 1}));
          },
          "index[1] = 3 is outside [0, 3)"),
      refuses<ValueError>(
          "a negative index",
          [=] {
            gather_last(x, Tensor::from<int64_t>({0, -1}, {2, 1}));
          },
          "= -1"),
      refuses<ShapeError>(
          "too few rows",
          [=] {
            gather_last(x, Tensor::from<int64_t>({0}, {1, 1}));
          },
          "[2, 1]"),
      refuses<DTypeError>(
          "indices of i32",
          [=] {
            gather_last(x, Tensor::zeros({2, 1}, DType::i32));
          },
          "i64"),
      refuses<DTypeError>(
          "integers",
          [] {
            gather_last(Variable(Tensor::zeros({2, 3}, DType::i64)), Tensor::zeros({2, 1}, DType::i64));
          },
          "f32 or f64"),
  };
  check(result);
}

}  // namespace divvy::test
