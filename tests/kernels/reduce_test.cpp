#include "kernels/reduce.h"

#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;
using namespace kernels;

TEST_CASE("the reductions refuse what does not fit", "[kernel]") {
  const Tensor x = Tensor::zeros({2, 3, 4}), flat = Tensor::zeros({6, 4}), whole = Tensor::zeros({2, 3, 4}, DType::i64);
  const Tensor dy = Tensor::zeros({2, 4}), empty = Tensor::zeros({2, 0, 4});
  Tensor y = Tensor::zeros({2, 4}), wrong = Tensor::zeros({2, 3}), half = Tensor::zeros({2, 4}, DType::f64);
  Tensor dx = Tensor::zeros({2, 3, 4}), wrong_dx = Tensor::zeros({2, 4, 3}), index = Tensor::zeros({2, 4}, DType::i64);
  for (const auto& reduce : {+[](const Tensor&x, Tensor&y) { reduce_sum(x, 1, y); }, &reduce_max, &reduce_logsumexp,
                             +[](const Tensor&x, Tensor&y) { reduce_var(x, 1, y, y); }}) {
    CHECK_NOTHROW(reduce(x, y));
    CHECK_THAT(refusal<ShapeError>([&] { reduce(flat, y); }), Contains("x must have rank 3, got [6, 4]"));
    CHECK_THAT(refusal<ShapeError>([&] { reduce(x, wrong); }), Contains("must be [2, 4], got [2, 3]"));
    CHECK_THAT(refusal<DTypeError>([&] { reduce(x, half); }), Contains("must be f32, got f64"));
    CHECK_THAT(refusal<DTypeError>([&] { reduce(whole, y); }), Contains("f32 or f64, got i64"));
    CHECK_THAT(refusal<ValueError>([&] { reduce(Tensor(), y); }), Contains("x is undefined"));
  }
  CHECK_THAT(refusal<ValueError>([&] { reduce_max(empty, y); }), Contains("an empty set has no maximum"));
  CHECK_THAT(refusal<ValueError>([&] { reduce_argmax(empty, index); }), Contains("an empty set has no maximum"));
  CHECK_THAT(refusal<DTypeError>([&] { reduce_argmax(x, y); }), Contains("y must be i64, got f32"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_argmax(x, wrong); }), Contains("y must be [2, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_sum_backward(wrong, 1, dx); }),
             Contains("dy must be [2, 4], got [2, 3]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_max_backward(x, y, dy, wrong_dx); }), Contains("dx must be [2, 3, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_max_backward(x, wrong, dy, dx); }), Contains("y must be [2, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_logsumexp_backward(x, y, dy, wrong_dx); }),
             Contains("dx must be [2, 3, 4]"));
  CHECK_THAT(refusal<ShapeError>([&] { reduce_var_backward(x, wrong, 1, dy, dx); }), Contains("mean must be [2, 4]"));
}

}  // namespace divvy::test
