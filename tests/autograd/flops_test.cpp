#include "autograd/flops.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/conv2d.h"
#include "autograd/ops/feed_forward.h"
#include "autograd/ops/grouped_matmul.h"
#include "autograd/ops/matmul.h"
#include "autograd/ops/small_stack.h"
#include "autograd/ops/unary.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

TEST_CASE("flops: two for each multiply-add, forward and for each gradient that is wanted") {
  const Variable a(random_tensor({3, 4}, 1), true), b(random_tensor({4, 5}, 2), true), c(random_tensor({4, 5}, 3));
  CHECK(flops({matmul(a, b)}) == Flops{120, 240});
  CHECK(flops({matmul(a, c)}) == Flops{120, 120});
  CHECK(flops({matmul(a, b, {})}).total() == 360);
  const Variable filters(random_tensor({4, 3, 3, 3}, 2), true);
  CHECK(flops({conv2d(Variable(random_tensor({2, 3, 5, 5}, 1)), filters, {})}) == Flops{2 * 72 * 27, 2 * 72 * 27});
}

TEST_CASE("flops: only rows that are there cost something") {
  const Segments segments{Tensor::from<int64_t>({0, 3, 3}), {}};  // two experts, of 3 and 0 rows
  const Variable weight(random_tensor({2, 6, 4}, 2), true);
  CHECK(flops({grouped_matmul(Variable(random_tensor({3, 4}, 1)), weight, {}, segments)}) == Flops{144, 144});
}

TEST_CASE("flops: an operation is counted once, however many ways lead to it") {
  const Variable a(random_tensor({3, 4}, 1), true), b(random_tensor({4, 5}, 2), true);
  const Variable y = matmul(a, b), z = mul(relu(y), y);
  CHECK(flops({z}) == Flops{120, 240});
  CHECK(flops({z, y, Variable()}) == Flops{120, 240});
  CHECK(flops({matmul(y, Variable(random_tensor({5, 1}, 3)))}) == Flops{120 + 30, 240 + 30});
}

TEST_CASE("flops: nothing is counted that was not recorded") {
  const Variable a(random_tensor({3, 4}, 1), true), b(random_tensor({4, 5}, 2));
  CHECK(flops({matmul(b, Variable(random_tensor({5, 2}, 3)))}) == Flops{});
  CHECK(flops({matmul(a, b).detach()}) == Flops{});
  CHECK(flops({a}) == Flops{});
  CHECK(flops({}) == Flops{});
  const NoGrad no_grad;
  CHECK(flops({matmul(a, b)}) == Flops{});
}

TEST_CASE("flops: fused operations count as their layers do") {
  const Segments segments{Tensor::from<int64_t>({0, 3, 7}), {}};
  for (const bool input_learns : {false, true}) {
    const Variable x(random_tensor({7, 6}, 1), input_learns);
    const Variable up(random_tensor({2, 5, 6}, 2), true), down(random_tensor({2, 4, 5}, 3), true);
    const Variable hidden = relu(grouped_matmul(x, up, {}, segments));
    const Flops layers = flops({grouped_matmul(hidden, down, {}, segments)});
    CHECK(layers.forward == 7 * 2 * (6 * 5 + 5 * 4));
    CHECK(flops({feed_forward(x, up, {}, down, {}, segments)}) == layers);
    CHECK(flops({small_stack(x, {{.out = 5, .relu = true}, {.out = 4}}, {up, down}, {{}, {}}, segments)}) == layers);
  }
  // A convolution in front, of which each pixel before the pooling counts.
  const Variable images(random_tensor({7, 1, 8, 8}, 1), true);
  const Variable filters(random_tensor({2, 3, 1, 3, 3}, 2), true), weight(random_tensor({2, 4, 27}, 3), true);
  const Flops stack = flops({small_stack(images, {{.out = 3, .kernel = 3, .relu = true, .pool = true}, {.out = 4}},
                                         {filters, weight}, {{}, {}}, segments)});
  CHECK(stack == Flops{7 * 2 * (3 * 36 * 9 + 27 * 4), 2 * 7 * 2 * (3 * 36 * 9 + 27 * 4)});
}

}  // namespace divvy::test
