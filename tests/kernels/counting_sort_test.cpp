#include "kernels/counting_sort.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>
#include <vector>

#include "kernels/fill.h"
#include "kernels/route.h"
#include "tensor/error.h"
#include "tensor/generator.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using kernels::counting_sort;
using kernels::CountingSort;

/// The definition: walk over the experts, and for each over all assignments.
CountingSort naive_sort(const Tensor& experts, int64_t num_experts) {
  const int64_t samples = experts.size(0), k = experts.size(1);
  const auto expert = experts.values<int64_t>();
  std::vector<int64_t> offsets{0}, sample, position(expert.size(), -1);
  for (int64_t e = 0; e < num_experts; ++e) {
    for (int64_t b = 0; b < samples; ++b) {
      for (int64_t j = 0; j < k; ++j) {
        const auto at = static_cast<size_t>(b * k + j);
        if (expert[at] != e) continue;
        position[at] = static_cast<int64_t>(sample.size());
        sample.push_back(b);
      }
    }
    offsets.push_back(static_cast<int64_t>(sample.size()));
  }
  return {Tensor::from(offsets, {num_experts + 1}), Tensor::from(sample, {static_cast<int64_t>(sample.size())}),
          Tensor::from(position, {samples, k})};
}

/// Assignments in which expert e is chosen with weight (e + 1)^-skew, some of them dropped to -1.
Tensor random_assignments(int64_t samples, int64_t k, int64_t num_experts, double skew, double dropped, uint64_t seed) {
  std::mt19937_64 random(seed);
  std::vector<double> weights;
  for (int64_t e = 0; e < num_experts; ++e) weights.push_back(std::pow(static_cast<double>(e + 1), -skew));
  std::shuffle(weights.begin(), weights.end(), random);
  std::discrete_distribution<int64_t> expert(weights.begin(), weights.end());
  std::bernoulli_distribution drop(dropped);
  std::vector<int64_t> values(static_cast<size_t>(samples * k));
  for (int64_t& value : values) value = drop(random) ? -1 : expert(random);
  return Tensor::from(values, {samples, k});
}

bool equal(const CountingSort& a, const CountingSort& b) {
  const auto same = [](const Tensor& x, const Tensor& y) { return same_bits(x.to(Device::cpu()), y); };
  return same(a.offsets, b.offsets) && same(a.sample, b.sample) && same(a.position, b.position);
}

}  // namespace

TEST_CASE("counting_sort agrees with the definition in 1,200 random cases", "[kernel][device]") {
  std::mt19937_64 random(1);
  for (uint64_t i = 0; i < 1200; ++i) {
    const auto pick = [&](int64_t low, int64_t high) {
      return std::uniform_int_distribution<int64_t>(low, high)(random);
    };
    const int64_t num_experts = i % 7 == 0 ? 1 : pick(1, 70);
    const int64_t k = i % 5 == 0 ? num_experts : pick(0, 4);
    const int64_t samples = i % 11 == 0 ? 0 : pick(1, 200);
    const double skew = std::vector{0.0, 1.0, 4.0, 40.0}[i % 4], dropped = std::vector{0.0, 0.3, 1.0}[i % 3];
    const Tensor experts = random_assignments(samples, k, num_experts, skew, dropped, i);
    INFO("case " << i << ": " << samples << " samples, " << num_experts << " experts, k = " << k << ", skew " << skew);
    const CountingSort expected = naive_sort(experts, num_experts);
    for (const Device device : available_devices()) {
      INFO(device.to_string());
      REQUIRE(equal(counting_sort(experts.to(device), num_experts), expected));
      if (dropped == 0) REQUIRE(equal(counting_sort(experts.to(device), num_experts, true), expected));
    }
  }
}

TEST_CASE("counting_sort of many samples on a device", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const int64_t num_experts :
         {int64_t{1}, int64_t{9}, int64_t{300}, int64_t{4095}, int64_t{4096}, int64_t{20000}}) {
      for (const int64_t samples : {int64_t{2049}, int64_t{35000}}) {
        INFO(samples << " samples, " << num_experts << " experts on " << device.to_string());
        const Tensor experts = random_assignments(samples, 2, num_experts, 0.7, 0.1, 4);
        CHECK(equal(counting_sort(experts.to(device), num_experts), counting_sort(experts, num_experts)));
      }
    }
  }
}

TEST_CASE("counting_sort with what route_top_k counted", "[kernel][device]") {
  struct Sizes {
    int64_t samples, experts, k, favored = 0;  // so many experts at the end have all samples
  };
  for (const Device device : available_devices()) {
    for (const auto [samples, experts, k, favored] :
         {Sizes{0, 3, 2}, Sizes{1, 1, 1}, Sizes{4097, 1, 1}, Sizes{2200, 2, 2}, Sizes{700, 7, 7}, Sizes{2049, 300, 2},
          Sizes{2200, 64, 2}, Sizes{5000, 8, 1, 1}, Sizes{2200, 64, 2, 2}, Sizes{140000, 2, 1}, Sizes{1400, 600, 3},
          Sizes{2100, 4095, 2}, Sizes{2100, 9000, 2}}) {
      INFO(samples << " samples, " << k << " of " << experts << " experts on " << device.to_string());
      Generator generator(7);
      std::vector<double> favor(static_cast<size_t>(experts));
      std::fill(favor.end() - favored, favor.end(), 100.0);
      Tensor scores = generator.normal({samples, experts});
      for (int64_t i = 0; i < scores.numel(); ++i) {
        scores.mutable_data<float>()[i] += static_cast<float>(favor[static_cast<size_t>(i % experts)]);
      }
      scores = scores.to(device);
      const auto route = [&, k = k](Tensor& counts) {
        Tensor p = Tensor::empty_like(scores), chosen = Tensor::empty({scores.size(0), k}, DType::i64, device);
        Tensor weights = Tensor::empty(chosen.shape(), DType::f32, device);
        kernels::route_top_k(scores, 1, true, p, chosen, weights, counts);
        return std::vector{p.to(Device::cpu()), weights.to(Device::cpu()), chosen.to(Device::cpu())};
      };
      Tensor none, counts = kernels::counts_buffer(samples, k, experts, device);
      CHECK(counts.defined() == (device.is_cuda() && samples * k > 4096 && experts < 1000));
      const auto plain = route(none), counted = route(counts);
      for (size_t i = 0; i < 3; ++i) CHECK(same_bits(counted[i], plain[i]));
      const CountingSort expected = counting_sort(plain[2], experts);
      for (const bool complete : {false, true}) {
        CHECK(equal(counting_sort(plain[2].to(device), experts, complete, counts), expected));
      }
      if (!counts.defined()) continue;
      // Summed over the tiles, the counts are the sizes of the segments.
      const auto numbers = counts.to_doubles();
      const auto tiles = static_cast<size_t>(counts.size(1));
      const auto offsets = expected.offsets.values<int64_t>();
      for (size_t e = 0; e + 1 < offsets.size(); ++e) {
        const auto row = numbers.begin() + static_cast<int64_t>(e * tiles);
        REQUIRE(std::accumulate(row, row + counts.size(1), 0.0) == static_cast<double>(offsets[e + 1] - offsets[e]));
      }
      CHECK_THROWS_AS(counting_sort(plain[2].to(device), experts + 1, true, counts), ShapeError);
      // Of another choice: what is written stays in its place, and the host is told.
      kernels::fill(counts, 1e6);
      const CountingSort wrong = counting_sort(plain[2].to(device), experts, true, counts);
      CHECK_THROWS_AS(wrong.sample.to(Device::cpu()), ValueError);
    }
  }
}

TEST_CASE("counts of another shape, type or device are refused", "[kernel][device]") {
  for (const Device device : available_devices()) {
    const Tensor scores = Tensor::zeros({300, 4}, DType::f32, device);
    Tensor p = Tensor::empty_like(scores), chosen = Tensor::zeros({300, 2}, DType::i64, device);
    Tensor weights = Tensor::empty({300, 2}, DType::f32, device);
    const auto refused = [&](Tensor counts, const char* what) {
      CHECK_THROWS_WITH(kernels::route_top_k(scores, 1, true, p, chosen, weights, counts), Contains(what));
      CHECK_THROWS_WITH(counting_sort(chosen, 4, true, counts), Contains(what));
    };
    refused(Tensor::zeros({5, 4}, DType::i64, device), "counts must be [5, 3], got [5, 4]");
    refused(Tensor::zeros({5, 3}, DType::i32, device), "counts must be i64, got i32");
    if (device.is_cuda()) refused(Tensor::zeros({5, 3}, DType::i64), "counts is on cpu");
    const Tensor many = Tensor::zeros({5462, 3}, DType::i64, device);
    CHECK_THROWS_WITH(counting_sort(chosen, 5461, true, many), Contains("counts are at most 16384, got [5462, 3]"));
  }
}

TEST_CASE("counting_sort on a device reports an assignment out of range and leaves it out", "[kernel][device]") {
  const Tensor experts = Tensor::from<int64_t>({0, 1, -1, 2}, {2, 2});
  CHECK_THROWS_WITH(counting_sort(experts, 3, true), "counting_sort: experts[2] = -1 is outside [0, 3)");
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const CountingSort sorted = counting_sort(experts.to(device), 3, true);
    CHECK_THROWS_WITH(sorted.offsets.to(Device::cpu()),
                      "counting_sort: an assignment names no expert that is there, in a tensor on cuda:0");
    CHECK(sorted.offsets.to_doubles() == std::vector<double>{0, 1, 2, 3});
    CHECK(sorted.position.to_doubles() == std::vector<double>{0, 1, -1, 2});
    CHECK(sorted.sample.to_doubles() == std::vector<double>{0, 0, 1, 1});
    CHECK_THROWS_AS(counting_sort(experts.to(device), 2), ValueError);
    CHECK_THROWS_AS(counting_sort(Tensor::from<int64_t>({-2, 0}, {1, 2}).to(device), 2), ValueError);
  }
}

TEST_CASE("counting_sort of many samples gives the same for every number of threads", "[kernel]") {
  const int before = num_threads();
  for (const int64_t num_experts : {int64_t{1}, int64_t{9}, int64_t{20000}}) {
    const Tensor experts = random_assignments(70001, 2, num_experts, 0.7, 0.1, 3);
    set_num_threads(1);
    const CountingSort expected = counting_sort(experts, num_experts);
    if (num_experts < 10) CHECK(equal(expected, naive_sort(experts, num_experts)));
    for (int threads : {2, 3, 8}) {
      set_num_threads(threads);
      CHECK(equal(counting_sort(experts, num_experts), expected));
    }
  }
  set_num_threads(before);
}

TEST_CASE("counting_sort with every sample at every expert is the dense dispatch", "[kernel]") {
  const auto [offsets, sample, position] = counting_sort(Tensor::from<int64_t>({0, 1, 2, 0, 1, 2}, {2, 3}), 3);
  CHECK(same_bits(offsets, Tensor::from<int64_t>({0, 2, 4, 6})));
  CHECK(same_bits(sample, Tensor::from<int64_t>({0, 1, 0, 1, 0, 1})));
  CHECK(same_bits(position, Tensor::from<int64_t>({0, 2, 4, 1, 3, 5}, {2, 3})));
}

TEST_CASE("counting_sort of nothing", "[kernel]") {
  const CountingSort none = counting_sort(Tensor::empty({0, 2}, DType::i64), 3);
  CHECK(same_bits(none.offsets, Tensor::from<int64_t>({0, 0, 0, 0})));
  CHECK(none.sample.shape() == Shape{0});
  CHECK(none.position.shape() == Shape{0, 2});
  const CountingSort dropped = counting_sort(Tensor::from<int64_t>({-1, -1}, {2, 1}), 1);
  CHECK(same_bits(dropped.offsets, Tensor::from<int64_t>({0, 0})));
  CHECK(same_bits(dropped.position, Tensor::from<int64_t>({-1, -1}, {2, 1})));
}

TEST_CASE("counting_sort refuses what is not an assignment", "[kernel]") {
  const auto experts = [](int64_t bad) { return Tensor::from<int64_t>({0, 1, bad, 2}, {2, 2}); };
  CHECK_THROWS_AS(counting_sort(experts(3), 3), ValueError);
  CHECK_THROWS_WITH(counting_sort(experts(3), 3), "counting_sort: experts[2] = 3 is outside [-1, 3)");
  CHECK_THROWS_AS(counting_sort(experts(-2), 3), ValueError);
  CHECK_THROWS_AS(counting_sort(Tensor::empty({0, 1}, DType::i64), 0), ValueError);
  CHECK_THROWS_AS(counting_sort(Tensor::from<int64_t>({0, 1}), 2), ShapeError);
  CHECK_THROWS_AS(counting_sort(Tensor::from<int32_t>({0, 1}, {1, 2}), 2), DTypeError);
  CHECK_THROWS_AS(counting_sort(Tensor(), 2), ValueError);
}

}  // namespace divvy::test
