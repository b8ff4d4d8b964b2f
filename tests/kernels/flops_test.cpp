#include "kernels/flops.h"

#include "autograd/ops/conv2d.h"
#include "autograd/ops/grouped_matmul.h"
#include "autograd/ops/matmul.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

TEST_CASE("a counter counts two operations for each multiply-add, forward and backward") {
  const FlopCounter all;
  {
    const FlopCounter counter;
    const Variable a(random_tensor({3, 4}, 1), true), b(random_tensor({4, 5}, 2), true);
    const Variable y = matmul(a, b);
    CHECK(counter.flops() == 2 * 3 * 4 * 5);
    backward(y, random_tensor({3, 5}, 3));
    CHECK(counter.flops() == 3 * 2 * 3 * 4 * 5);
  }
  {
    // Two experts, of 3 and 0 rows: only rows that are there cost something.
    const FlopCounter counter;
    const Segments segments{Tensor::from<int64_t>({0, 3, 3}), {}};
    grouped_matmul(Variable(random_tensor({3, 4}, 1)), Variable(random_tensor({2, 6, 4}, 2)), {}, segments);
    CHECK(counter.flops() == 2 * 3 * 4 * 6);
  }
  {
    const FlopCounter counter;
    conv2d(Variable(random_tensor({2, 3, 5, 5}, 1)), Variable(random_tensor({4, 3, 3, 3}, 2)), {});
    CHECK(counter.flops() == 2 * (2 * 4 * 3 * 3) * (3 * 3 * 3));
  }
  CHECK(all.flops() == 3 * 120 + 144 + 2 * 72 * 27);
}

TEST_CASE("without a counter nothing is counted") {
  count_flops(5);
  const FlopCounter counter;
  CHECK(counter.flops() == 0);
}

}  // namespace divvy::test
