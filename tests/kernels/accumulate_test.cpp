#include "kernels/accumulate.h"

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

TEST_CASE("accumulate adds element by element", "[kernel][device]") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const Shape& shape : {Shape{}, {0}, {3, 0}, {1}, {7}, {64}, {3, 5}, {65535}, {65536}, {65537}, {3, 50001}}) {
      INFO(fmt::format("{} {}", dtype, shape));
      const Tensor x = random_tensor(shape, 1, -1, 1, dtype), before = random_tensor(shape, 2, -1, 1, dtype);
      std::vector<double> expected = before.to_doubles();
      const auto added = x.to_doubles();
      for (size_t i = 0; i < expected.size(); ++i) expected[i] += added[i];
      for (const Device device : available_devices()) {
        const Tensor there = x.clone().to(device);
        Tensor into = before.clone().to(device);
        kernels::accumulate(there, into);
        // Two floats add up exactly in double, save for one rounding: the same as theirs.
        CHECK(same_bits(into.to(Device::cpu()), converted(Tensor::from(expected, shape), dtype)));
        CHECK(same_bits(there.to(Device::cpu()), x));
      }
    }
  }
}

TEST_CASE("accumulate may add a tensor to itself", "[kernel][device]") {
  for (const Device device : available_devices()) {
    Tensor x = Tensor::from({1.F, -2.F, 0.5F}).to(device);
    kernels::accumulate(x, x);
    CHECK(same_bits(x.to(Device::cpu()), Tensor::from({2.F, -4.F, 1.F})));
  }
}

TEST_CASE("accumulate takes views that start anywhere", "[kernel][device]") {
  const Tensor x = random_tensor({70}, 1, -1, 1, DType::f32);
  for (const Device device : available_devices()) {
    const Tensor there = x.to(device);
    for (const int64_t begin : {0, 1, 2, 3, 4}) {
      for (const int64_t other : {0, 1, 4}) {
        Tensor all = Tensor::zeros({70}, DType::f32, device), into = all.slice(other, other + 61);
        kernels::accumulate(there.slice(begin, begin + 61), into);
        CHECK(same_bits(into.to(Device::cpu()), x.slice(begin, begin + 61)));
        CHECK(all.slice(other + 61, 70).to_doubles() == std::vector<double>(static_cast<size_t>(9 - other), 0));
      }
    }
  }
}

TEST_CASE("accumulate refuses what does not fit", "[kernel]") {
  Tensor into = Tensor::zeros({2, 3}), integers = Tensor::zeros({2}, DType::i64), none;
  CHECK(refusal<ShapeError>([&] {
          kernels::accumulate(Tensor::zeros({3, 2}), into);
        }).find("[3, 2]") != std::string::npos);
  CHECK(refusal<DTypeError>([&] {
          kernels::accumulate(Tensor::zeros({2, 3}, DType::f64), into);
        }).find("f64") != std::string::npos);
  CHECK(refusal<DTypeError>([&] { kernels::accumulate(integers, integers); }).find("i64") != std::string::npos);
  CHECK(refusal<ValueError>([&] { kernels::accumulate(none, into); }).find("x is undefined") != std::string::npos);
  CHECK(refusal<ValueError>([&] { kernels::accumulate(into, none); }).find("into is undefined") != std::string::npos);
}

}  // namespace divvy::test
