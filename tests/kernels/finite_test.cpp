#include "kernels/finite.h"

#include <limits>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

template <class T>
void check_every_position(Device device) {
  const T specials[] = {std::numeric_limits<T>::quiet_NaN(), std::numeric_limits<T>::infinity(),
                        -std::numeric_limits<T>::infinity()};
  for (const int64_t size : {0, 1, 2, 7, 8, 9, 15, 16, 17, 31, 67}) {
    const Tensor x = random_tensor({size}, 1, -1, 1, dtype_of<T>);
    CHECK(kernels::first_non_finite(x.to(device)) == -1);
    for (int64_t at = 0; at < size; ++at) {
      for (const T special : specials) {
        INFO(special << " at " << at << " of " << size << " on " << device.to_string());
        Tensor bad = x.clone();
        bad.mutable_data<T>()[at] = special;
        CHECK(kernels::first_non_finite(bad.to(device)) == at);
        // A second one after it does not hide it, and opposite infinities do not cancel.
        bad.mutable_data<T>()[size - 1] = -special;
        CHECK(kernels::first_non_finite(bad.to(device)) == at);
      }
    }
  }
}

}  // namespace

TEST_CASE("first_non_finite finds a NaN or an infinity wherever it is", "[kernel][device]") {
  for (const Device device : available_devices()) {
    check_every_position<float>(device);
    check_every_position<double>(device);
  }
}

TEST_CASE("first_non_finite accepts the largest and the smallest finite values", "[kernel][device]") {
  const float huge = std::numeric_limits<float>::max(), tiny = std::numeric_limits<float>::denorm_min();
  for (const Device device : available_devices()) {
    CHECK(kernels::first_non_finite(Tensor::full({33}, huge).to(device)) == -1);
    CHECK(kernels::first_non_finite(Tensor::from({huge, huge, -huge, tiny, -tiny, 0.F, -0.F}).to(device)) == -1);
  }
}

TEST_CASE("first_non_finite counts through all axes", "[kernel][device]") {
  Tensor x = Tensor::zeros({2, 3, 4});
  x.mutable_data<float>()[17] = std::numeric_limits<float>::quiet_NaN();
  for (const Device device : available_devices()) {
    const Tensor there = x.to(device);
    CHECK(kernels::first_non_finite(there) == 17);
    CHECK(kernels::first_non_finite(there[1]) == 5);
    CHECK(kernels::first_non_finite(there[0]) == -1);
  }
}

TEST_CASE("first_non_finites answers for each of many tensors", "[kernel][device]") {
  for (const Device device : available_devices()) {
    std::vector<Tensor> tensors;
    std::vector<int64_t> expected;
    for (int64_t i = 0; i < 250; ++i) {
      // Sizes from none to several blocks, both types, and something wrong in every third tensor that has an element.
      const int64_t size = i % 50 == 7 ? 70000 + i : i % 11 * 40;
      Tensor x = random_tensor({size}, 1, -1, 1, i % 2 == 0 ? DType::f32 : DType::f64);
      expected.push_back(i % 3 == 0 && size > 0 ? size - 1 - i % size : -1);
      if (expected.back() >= 0) {
        visit_floating("test", x.dtype(), [&]<class T>() {
          x.mutable_data<T>()[expected.back()] = std::numeric_limits<T>::quiet_NaN();
          x.mutable_data<T>()[size - 1] = std::numeric_limits<T>::infinity();
        });
      }
      tensors.push_back(x.to(device));
    }
    CHECK(kernels::first_non_finites(tensors) == expected);
    CHECK(kernels::first_non_finites({}).empty());
  }
}

TEST_CASE("first_non_finite refuses integers and nothing", "[kernel]") {
  CHECK(refusal<DTypeError>([] { kernels::first_non_finite(Tensor::zeros({2}, DType::i64)); }).find("i64") !=
        std::string::npos);
  CHECK(refusal<ValueError>([] { kernels::first_non_finite(Tensor()); }).find("undefined") != std::string::npos);
}

TEST_CASE("watch_finite keeps the first failure, and in which run it was", "[kernel][device]") {
  for (const Device device : available_devices()) {
    const Tensor good = random_tensor({40}, 1).to(device), single = Tensor::full({3}, 1, DType::f32, device);
    Tensor bad = random_tensor({40}, 1);
    bad.mutable_data<double>()[33] = std::numeric_limits<double>::infinity();
    bad = bad.to(device);
    Tensor record = Tensor::zeros({5}, DType::i64, device);
    const auto now = [&] { return record.to_doubles(); };
    kernels::watch_finite(std::vector{good, single}, 4, true, record);
    kernels::watch_finite({}, 5, true, record);
    CHECK(now() == std::vector<double>{2, 0, 0, 0, 0});
    kernels::watch_finite(std::vector{single}, 6, true, record);
    kernels::watch_finite(std::vector{single, good, bad, good, bad}, 7, false, record);
    CHECK(now() == std::vector<double>{3, 3, 7, 2, 33});
    kernels::watch_finite(std::vector{bad}, 8, true, record);
    CHECK(now() == std::vector<double>{4, 3, 7, 2, 33});

    std::vector<Tensor> many(200, good);
    many[150] = many[199] = bad;
    record = Tensor::zeros({5}, DType::i64, device);
    kernels::watch_finite(many, 1, true, record);
    CHECK(now() == std::vector<double>{1, 1, 1, 150, 33});
  }
  Tensor record = Tensor::zeros({4}, DType::i64);
  CHECK_THROWS_AS(kernels::watch_finite({}, 0, true, record), ShapeError);
  record = Tensor::zeros({5});
  CHECK_THROWS_AS(kernels::watch_finite({}, 0, true, record), DTypeError);
}

}  // namespace divvy::test
