#include "kernels/fill.h"

#include <cmath>

#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

TEST_CASE("fill sets every element of every type, and nothing else", "[device]") {
  const int before = num_threads();
  for (const Device device : available_devices()) {
    set_num_threads(device.is_cpu() ? 3 : before);
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
      for (const Shape& rows : {Shape{}, Shape{0}, Shape{7}, Shape{100000}, Shape{3, 5}}) {
        // A view in the middle: what lies around it must stay.
        const int64_t count = rows.numel();
        Tensor all = Tensor::zeros({count + 2}, dtype, device);
        Tensor middle = all.slice(1, count + 1).reshape(rows);
        kernels::fill(middle, 3.0);
        std::vector<double> expected(static_cast<size_t>(count + 2), 3.0);
        expected.front() = expected.back() = 0;
        CHECK(all.to_doubles() == expected);
      }
    }
  }
  set_num_threads(before);
}

TEST_CASE("fill converts as cast does", "[device]") {
  for (const Device device : available_devices()) {
    const auto filled = [device](DType dtype, double value) {
      Tensor y = Tensor::zeros({2}, dtype, device);
      kernels::fill(y, value);
      return y.to_doubles()[1];
    };
    CHECK(filled(DType::u8, 300) == 255);
    CHECK(filled(DType::u8, -2) == 0);
    CHECK(filled(DType::i32, -2.9) == -2);
    CHECK(filled(DType::i64, std::nan("")) == 0);
    CHECK(filled(DType::f32, 1e300) == INFINITY);
    CHECK(filled(DType::bf16, 1.00390625) == 1);
  }
}

TEST_CASE("fill refuses an undefined tensor") {
  Tensor none;
  CHECK_THROWS_AS(kernels::fill(none, 1), ValueError);
}

}  // namespace divvy::test
