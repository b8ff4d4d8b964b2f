#include "autograd/finite_watch.h"

#include <cmath>

#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/unary.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

/// [2, 3] of two experts; the gradient of sum(sqrt(w)) is infinite where w is 0.
Variable weights(Device device, int64_t zero_at) {
  Tensor values = Tensor::full({2, 3}, 4, DType::f64);
  if (zero_at >= 0) values.mutable_data<double>()[zero_at] = 0;
  Variable w(values.to(device), true);
  w.set_name("fc.weight");
  w.set_part_name("expert");
  return w;
}

}  // namespace

TEST_CASE("a watch keeps what backward would have thrown", "[device]") {
  for (const Device device : available_devices()) {
    const Variable good = weights(device, -1), bad = weights(device, 4),
                   scalar(Tensor::full({}, 3, DType::f64, device), true);
    FiniteWatch watch(device);
    backward(sum(sqrt(good)), watch);
    backward(mul(scalar, 2), watch);
    watch.check();
    CHECK(watch.failed().item() == 0);
    backward(sum(sqrt(bad)), watch);
    CHECK(bad.grad().defined());
    backward(mul(scalar, std::nan("")), watch);  // a second failure is not the first
    CHECK(watch.failed().item() == 3);
    CHECK(refusal<NonFiniteError>([&] {
            watch.check();
          }).starts_with("non-finite gradient in fc.weight, expert 1, at step 3;"));
    CHECK(refusal<NonFiniteError>([&] {
            backward(sum(sqrt(bad)));
          }).starts_with("non-finite gradient in fc.weight, expert 1;"));
  }
}

TEST_CASE("a loss that is not finite comes before its gradients", "[device]") {
  for (const Device device : available_devices()) {
    const Variable bad = weights(device, 0);
    FiniteWatch watch(device);
    backward(mul(sum(sqrt(bad)), HUGE_VAL), watch);
    CHECK(refusal<NonFiniteError>([&] { watch.check(); }).starts_with("non-finite loss in mul, at step 1;"));
    CHECK_THROWS_AS(watch.look({}, {{"loss", "none"}}, false), ValueError);
    CHECK_THROWS_AS(backward(sqrt(bad), watch), ShapeError);
    if (!device.is_cpu()) CHECK_THROWS_AS(backward(sum(weights(Device::cpu(), -1)), watch), DeviceError);
  }
}

}  // namespace divvy::test
