#include "kernels/index_select.h"
#include "kernels/pairwise_distance.h"
#include "kernels/pick.h"
#include "kernels/top_k.h"
#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;
using namespace kernels;

TEST_CASE("the kernels of pick refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({2, 3}), index = Tensor::from<int64_t>({0, 2}), dy = Tensor::zeros({2});
  Tensor y = Tensor::zeros({2}), wrong = Tensor::zeros({3}), half = Tensor::zeros({2}, DType::f64),
         narrow = Tensor::zeros({2, 2});
  CHECK_NOTHROW(pick(x, index, y));
  CHECK_THAT(refusal<ShapeError>([&] { pick(x, index, wrong); }), Contains("y must be [2], got [3]"));
  CHECK_THAT(refusal<DTypeError>([&] { pick(x, index, half); }), Contains("y must be f32, got f64"));
  CHECK_THAT(refusal<ValueError>([&] { pick_backward(index, dy, narrow); }),
             Contains("index[1] = 2 is outside [0, 2)"));
  CHECK_THAT(refusal<ShapeError>([&] { pick_backward(index, wrong, narrow); }), Contains("y must be [2], got [3]"));
}

TEST_CASE("the kernels of top_k refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({2, 3});
  Tensor values = Tensor::zeros({2, 2}), indices = Tensor::zeros({2, 2}, DType::i64),
         wide = Tensor::zeros({2, 4}, DType::i64);
  Tensor dx = Tensor::zeros({2, 3}), narrow = Tensor::zeros({2, 1});
  CHECK_NOTHROW(top_k(x, values, indices));
  CHECK_THAT(refusal<ShapeError>([&] { top_k(x, narrow, indices); }), Contains("values must be [2, 2], got [2, 1]"));
  CHECK_THAT(refusal<DTypeError>([&] { top_k(x, values, values); }), Contains("indices must be i64, got f32"));
  Tensor four = Tensor::zeros({2, 4}), none = Tensor::zeros({2, 0}), no_index = Tensor::zeros({2, 0}, DType::i64);
  CHECK_THAT(refusal<ValueError>([&] { top_k(x, four, wide); }), Contains("k must be in [1, 3], got 4"));
  CHECK_THAT(refusal<ValueError>([&] { top_k(x, none, no_index); }), Contains("k must be in [1, 3], got 0"));
  const Tensor outside = Tensor::from<int64_t>({0, 1, 0, 3}, {2, 2});
  CHECK_THAT(refusal<ValueError>([&] { top_k_backward(outside, values, dx); }),
             Contains("indices[3] = 3 is outside [0, 3)"));
}

TEST_CASE("the kernels of index_select refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({2, 3}), index = Tensor::from<int64_t>({0, 2});
  Tensor y = Tensor::zeros({2, 2}), wrong = Tensor::zeros({2, 3}), dx = Tensor::zeros({2, 3});
  CHECK_NOTHROW(index_select(x, 1, index, y));
  CHECK_THAT(refusal<ShapeError>([&] { index_select(x, 1, index, wrong); }), Contains("y must be [2, 2], got [2, 3]"));
  CHECK_THAT(refusal<ShapeError>([&] { index_select(x, 2, index, y); }),
             Contains("axis 2 is out of range for shape [2, 3]"));
  CHECK_THAT(refusal<ValueError>([&] { index_select_backward(wrong, 0, index, dx); }),
             Contains("index[1] = 2 is outside [0, 2)"));
  CHECK_THAT(refusal<DTypeError>([&] {
               index_select_backward(Tensor::zeros({2, 2}, DType::u8), 1, index, dx);
             }),
             Contains("dy must be f32 or f64, got u8"));
}

TEST_CASE("the kernels of pairwise_distance refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({3, 2});
  Tensor distance = Tensor::zeros({3, 3}), wrong = Tensor::zeros({3, 2}), dx = Tensor::zeros({3, 2});
  CHECK_NOTHROW(pairwise_distance(x, distance));
  CHECK_THAT(refusal<ShapeError>([&] { pairwise_distance(x, wrong); }),
             Contains("distance must be [3, 3], got [3, 2]"));
  CHECK_THAT(refusal<ShapeError>([&] { pairwise_distance_backward(x, distance, wrong, dx); }),
             Contains("dy must be [3, 3]"));
  CHECK_THAT(refusal<ShapeError>([&] { pairwise_distance_backward(x, distance, distance, distance); }),
             Contains("dx must be [3, 2], got [3, 3]"));
}

}  // namespace divvy::test
