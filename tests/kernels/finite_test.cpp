#include "kernels/finite.h"

#include <limits>

#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

template <class T>
void check_every_position() {
  const T specials[] = {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                        -std::numeric_limits<T>::infinity()};
  for (const int64_t size : {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 67}) {
    const Tensor x = random_tensor({size}, 1, -1, 1, dtype_of<T>);
    CHECK(kernels::first_non_finite(x) == -1);
    for (int64_t at = 0; at < size; ++at) {
      for (const T special : specials) {
        INFO(special << " at " << at << " of " << size);
        Tensor bad = x.clone();
        bad.mutable_data<T>()[at] = special;
        CHECK(kernels::first_non_finite(bad) == at);
        // A second one after it does not hide it, and opposite infinities do not cancel.
        bad.mutable_data<T>()[size - 1] = -special;
        CHECK(kernels::first_non_finite(bad) == at);
      }
    }
  }
}

}  // namespace

TEST_CASE("first_non_finite finds a NaN or an infinity wherever it is", "[kernel]") {
  check_every_position<float>();
  check_every_position<double>();
}

TEST_CASE("first_non_finite accepts the largest and the smallest finite values", "[kernel]") {
  const float huge = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::denorm_min();
  CHECK(kernels::first_non_finite(Tensor::full({33}, huge)) == -1);
  CHECK(kernels::first_non_finite(Tensor::from({huge, huge, -huge, tiny, -tiny, 0.F, -0.F})) == -1);
}

TEST_CASE("first_non_finite counts through all axes", "[kernel]") {
  Tensor x = Tensor::zeros({2, 3, 4});
  x.mutable_data<float>()[17] = std::numeric_limits<float>::quiet_NaN();
  CHECK(kernels::first_non_finite(x) == 17);
  CHECK(kernels::first_non_finite(x[1]) == 5);
  CHECK(kernels::first_non_finite(x[0]) == -1);
}

TEST_CASE("first_non_finite refuses integers and nothing", "[kernel]") {
  CHECK(refusal<DTypeError>([] { kernels::first_non_finite(Tensor::zeros({2}, DType::i64)); }).find("i64") !=
        std::string::npos);
  CHECK(refusal<ValueError>([] { kernels::first_non_finite(Tensor()); }).find("undefined") != std::string::npos);
}

}  // namespace divvy::test
