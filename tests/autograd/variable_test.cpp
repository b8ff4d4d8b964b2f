#include "autograd/variable.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/permute.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/reshape.h"
#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

TEST_CASE("The members of a variable are the functions of their names") {
  const Variable x(random_tensor({2, 3, 4}, 1), true);
  const auto same = [&x](const Variable& member, const Variable& function) {
    const Tensor cotangent = random_tensor(function.shape(), 2);
    Variable handle = x;  // its gradient can be cleared
    member.backward(cotangent);
    const Tensor gradient = x.grad();
    handle.zero_grad();
    backward(function, cotangent);
    const bool equal = same_bits(member.value(), function.value()) && same_bits(gradient, x.grad());
    handle.zero_grad();
    return equal;
  };
  CHECK(same(x.sum(), sum(x)));
  CHECK(same(x.sum({0, -1}), sum(x, {0, -1})));
  CHECK(same(x.sum({1}, true), sum(x, {1}, true)));
  CHECK(same(x.mean(), mean(x)));
  CHECK(same(x.mean({-1}, true), mean(x, {-1}, true)));
  CHECK(same(x.reshape({4, -1}), reshape(x, {4, -1})));
  CHECK(same(x.reshape(Shape{24}), reshape(x, Shape{24})));
  CHECK(same(x.transpose(), transpose(x)));
}

TEST_CASE("A loss goes backward by its member") {
  const Variable x(Tensor::from({1., 2., 3.}), true);
  const Variable loss = (x * x).mean();
  loss.backward({}, {.retain_graph = true});
  loss.backward();
  CHECK(difference(x.grad(), Tensor::from({4. / 3, 8. / 3, 4.}), 1e-15, 0) == "");
}

TEST_CASE("Members refuse what their functions refuse") {
  const Variable x(Tensor::zeros({2, 3}), true);
  CHECK_THROWS_AS(x.backward(), ShapeError);
  CHECK_THROWS_AS(Variable(Tensor::scalar(1)).backward(), GraphError);
  CHECK_THROWS_AS(x.sum({2}), ShapeError);
  CHECK_THROWS_AS(x.mean({0, 0}), ShapeError);
  CHECK_THROWS_AS(x.reshape({4, 2}), ShapeError);
  CHECK_THROWS_AS(x.sum({0}).transpose(), ShapeError);
  CHECK_THROWS_AS(Variable().sum(), ValueError);
  CHECK_THROWS_AS(Variable().backward(), ValueError);
}

}  // namespace divvy::test
