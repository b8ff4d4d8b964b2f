#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "kernels/gather_last.h"
#include "kernels/index_select.h"
#include "kernels/pairwise_distance.h"
#include "kernels/pick.h"
#include "kernels/route.h"
#include "kernels/top_k.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
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

TEST_CASE("top_k agrees with a sort for any k, ties and NaN among them", "[kernel][device]") {
  for (const int64_t cols : {1, 2, 10, 32, 33, 300, 5000}) {
    for (const int64_t k : {int64_t{1}, int64_t{2}, int64_t{20}, cols}) {
      if (k > cols || k * cols > 100000) continue;
      const int64_t rows = 5;
      Tensor x = Tensor::empty({rows, cols}, DType::f32);
      const Tensor draws = random_indices({rows, cols}, 50, static_cast<uint64_t>(cols + k));
      for (int64_t i = 0; i < x.numel(); ++i) {
        const auto draw = static_cast<float>(draws.data<int64_t>()[i]);
        x.mutable_data<float>()[i] = draw == 7 ? std::numeric_limits<float>::quiet_NaN() : draw;
      }
      const auto before = [&](int64_t a, int64_t b) {
        const float u = x.data<float>()[a], v = x.data<float>()[b];
        if (std::isnan(u) != std::isnan(v)) return std::isnan(u);
        return u > v || ((u == v || std::isnan(u)) && a < b);
      };
      std::vector<int64_t> expected;
      for (int64_t r = 0; r < rows; ++r) {
        std::vector<int64_t> order(static_cast<size_t>(cols));
        std::iota(order.begin(), order.end(), r * cols);
        std::ranges::sort(order, before);
        for (int64_t j = 0; j < k; ++j) expected.push_back(order[static_cast<size_t>(j)] - r * cols);
      }
      for (const Device device : available_devices()) {
        INFO(cols << " columns, k = " << k << " on " << device.to_string());
        Tensor values = Tensor::zeros({rows, k}, DType::f32, device),
               indices = Tensor::zeros({rows, k}, DType::i64, device);
        top_k(x.to(device), values, indices);
        REQUIRE(same_bits(indices.to(Device::cpu()), Tensor::from(expected, {rows, k})));
        const Tensor taken = values.to(Device::cpu());
        for (int64_t i = 0; i < rows * k; ++i) {
          const float value = x.data<float>()[i / k * cols + expected[static_cast<size_t>(i)]];
          REQUIRE(std::bit_cast<uint32_t>(taken.data<float>()[i]) == std::bit_cast<uint32_t>(value));
        }
      }
    }
  }
}

TEST_CASE("top_k of rows of NaN, infinities, equal entries and neighbors", "[kernel][device]") {
  const auto check_type = []<class T>(T) {
    using Limits = std::numeric_limits<T>;
    constexpr T kNan = Limits::quiet_NaN(), kInfinity = Limits::infinity(), kMost = Limits::max();
    const T one = 1, next = std::nextafter(one, T{2});
    // Each is repeated over a row.
    const std::vector<std::vector<T>> patterns{{kNan},
                                               {kNan, 1},
                                               {1, -kNan, 2, 3, 4, 5, 6},
                                               {kInfinity, kNan, 0},
                                               {-kInfinity},
                                               {kInfinity},
                                               {kInfinity, -kInfinity},
                                               {0, -T{0}},
                                               {one, next, one},
                                               {kMost, -kMost, kInfinity, kNan},
                                               {Limits::denorm_min(), 0, -Limits::denorm_min()},
                                               {T(1e9), std::nextafter(T(1e9), kMost)},
                                               {T(1e-13), T(2e-13), -T(1e-13)}};
    for (const int64_t cols : {1, 2, 7, 8, 31, 32, 33, 47, 64, 65, 100, 1000}) {
      const auto rows = static_cast<int64_t>(patterns.size()) + 2;
      std::vector<T> values;
      for (const auto& pattern : patterns) {
        for (int64_t c = 0; c < cols; ++c) values.push_back(pattern[static_cast<size_t>(c) % pattern.size()]);
      }
      for (int64_t c = 0; c < cols; ++c) values.push_back(c == 0 ? T{1} : kNan);         // one number, first
      for (int64_t c = 0; c < cols; ++c) values.push_back(c == cols - 1 ? kNan : T{1});  // one NaN, last
      const Tensor x = Tensor::from(values, {rows, cols});
      for (const int64_t k : {int64_t{1}, int64_t{2}, int64_t{8}, int64_t{9}, int64_t{17}, cols}) {
        if (k > cols) continue;
        std::vector<int64_t> expected;
        for (int64_t r = 0; r < rows; ++r) {
          std::vector<int64_t> order(static_cast<size_t>(cols));
          std::iota(order.begin(), order.end(), int64_t{0});
          std::ranges::stable_sort(order, [&](int64_t a, int64_t b) {
            const T u = values[static_cast<size_t>(r * cols + a)], v = values[static_cast<size_t>(r * cols + b)];
            return std::isnan(u) ? !std::isnan(v) : u > v;
          });
          expected.insert(expected.end(), order.begin(), order.begin() + k);
        }
        for (const Device device : available_devices()) {
          INFO(cols << " columns, k = " << k << " on " << device.to_string() << ", " << name_of(x.dtype()));
          Tensor best = Tensor::zeros({rows, k}, x.dtype(), device),
                 indices = Tensor::zeros({rows, k}, DType::i64, device);
          top_k(x.to(device), best, indices);
          CHECK(indices.to(Device::cpu()).to_doubles() == Tensor::from(expected, {rows, k}).to_doubles());
          for (const bool among_chosen : {false, true}) {
            Tensor p = Tensor::zeros({rows, cols}, x.dtype(), device), weights = Tensor::zeros_like(best),
                   experts = Tensor::zeros_like(indices);
            route_top_k(x.to(device), 1, among_chosen, p, experts, weights);
            CHECK(same_bits(experts.to(Device::cpu()), indices.to(Device::cpu())));
          }
        }
      }
    }
  };
  check_type(0.0F);
  check_type(0.0);
}

TEST_CASE("kernels that select on a device report an index out of range", "[kernel][device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const Tensor x = Tensor::full({2, 3}, 5, DType::f32, device), index = Tensor::from<int64_t>({1, 3}).to(device),
                 two = Tensor::from<int64_t>({0, -1, 1, 1}, {2, 2}).to(device),
                 dy = Tensor::full({2, 2}, 1, DType::f32, device);
    Tensor y = Tensor::zeros({2}, DType::f32, device), dx = Tensor::zeros({2, 3}, DType::f32, device),
           wide = Tensor::zeros({2, 2}, DType::f32, device);
    const auto message = [&](const Tensor& result) { return refusal<ValueError>([&] { result.to(Device::cpu()); }); };
    pick(x, index, y);
    CHECK_THAT(message(y), Contains("pick: an index is out of range"));
    CHECK(y.to_doubles() == std::vector<double>{5, 0});
    pick_backward(index, y, dx);
    CHECK_THAT(message(dx), Contains("pick_backward: an index is out of range"));
    CHECK(dx.to_doubles() == std::vector<double>{0, 5, 0, 0, 0, 0});
    gather_last(x, two, wide);
    CHECK_THAT(message(wide), Contains("gather_last: an index is out of range"));
    gather_last_backward(two, dy, dx);
    CHECK_THAT(message(dx), Contains("gather_last_backward: an index is out of range"));
    CHECK(dx.to_doubles() == std::vector<double>{1, 0, 0, 0, 2, 0});
    top_k_backward(two, dy, dx);
    CHECK_THAT(message(dx), Contains("top_k_backward: an index is out of range"));
    index_select(x, 1, index, wide);
    CHECK_THAT(message(wide), Contains("index_select: an index is out of range"));
    index_select_backward(dy, 1, index, dx);
    CHECK_THAT(message(dx), Contains("index_select_backward: an index is out of range"));
    CHECK(dx.to_doubles() == std::vector<double>{0, 1, 0, 0, 1, 0});
  }
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
