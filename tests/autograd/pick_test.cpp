#include "autograd/ops/pick.h"

#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

OpCase pick_case() {
  const Shape shapes[] = {{1},       {6},    {0, 3}, {1, 1},    {1, 7}, {4, 1},       {5, 3},    {3, 10}, {2, 3, 4},
                          {2, 0, 4}, {0, 0}, {7, 2}, {1, 1, 5}, {9, 9}, {2, 2, 2, 3}, {3, 1, 8}, {33, 2}, {64, 5}};
  OpCase result;
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    const Shape rows = shape.range(0, shape.rank() - 1);
    const Tensor index = random_indices(rows, shape.cols(), seed);
    result.samples.push_back({shape.to_string(),
                              {random_tensor(shape, seed++)},
                              [=](const auto& in) { return pick(in[0], index.to(in[0].device())); },
                              [=](const auto& in) {
                                Tensor y = Tensor::empty(rows, DType::f64);
                                for (int64_t r = 0; r < y.numel(); ++r) {
                                  const int64_t at = index.data<int64_t>()[r];
                                  y.mutable_data<double>()[r] = in[0].template data<double>()[r * shape.cols() + at];
                                }
                                return y;
                              }});
  }
  const Variable x(Tensor::zeros({2, 3}));
  result.errors = {
      refuses<ValueError>(
          "a label too far",
          [=] {
            pick(x, Tensor::from<int64_t>({0, 3}));
          },
          "pick: index[1] = 3 is outside [0, 3)"),
      refuses<ValueError>(
          "a negative label",
          [=] {
            pick(x, Tensor::from<int64_t>({-1, 0}));
          },
          "outside [0, 3)"),
      refuses<ValueError>(
          "a label where there are no classes",
          [] {
            pick(Variable(Tensor::zeros({1, 0})), Tensor::from<int64_t>({0}));
          },
          "outside [0, 0)"),
      refuses<ShapeError>(
          "too few labels", [=] { pick(x, Tensor::from<int64_t>({0})); }, "index must be [2], got [1]"),
      refuses<ShapeError>(
          "a scalar", [] { pick(Variable(Tensor::scalar(1)), Tensor::from<int64_t>({0})); }, "rank 1 or more"),
      refuses<DTypeError>(
          "labels of i32",
          [=] {
            pick(x, Tensor::from<int32_t>({0, 1}));
          },
          "must be i64, got i32"),
      refuses<DTypeError>(
          "integers",
          [] {
            pick(Variable(Tensor::zeros({1, 2}, DType::u8)), Tensor::from<int64_t>({0}));
          },
          "f32 or f64"),
      refuses<ValueError>(
          "no labels", [=] { pick(x, Tensor()); }, "index is undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("pick", "[op]") { check(pick_case()); }

TEST_CASE("pick of many rows", "[op]") {
  const Tensor index = random_indices({50000}, 3, 1);
  const Variable x(random_tensor({50000, 3}, 2, -1, 1, DType::f32), true), y = pick(x, index);
  backward(y, y.value());
  int64_t wrong = 0;
  for (int64_t r = 0; r < 50000; ++r) {
    for (int64_t c = 0; c < 3; ++c) {
      const float in = x.value().data<float>()[r * 3 + c], gradient = x.grad().data<float>()[r * 3 + c];
      const bool picked = index.data<int64_t>()[r] == c;
      wrong += gradient != (picked ? in : 0.f) || (picked && y.value().data<float>()[r] != in);
    }
  }
  CHECK(wrong == 0);
}

}  // namespace divvy::test
