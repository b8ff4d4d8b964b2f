#include "kernels/dispatch.h"

#include <algorithm>
#include <functional>
#include <vector>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;

Tensor integers(const Shape& shape, Device device) { return Tensor::full(shape, 99, DType::i64, device); }
std::vector<double> numbers(int64_t count, const std::function<int64_t(int64_t)>& f) {
  std::vector<double> result;
  for (int64_t i = 0; i < count; ++i) result.push_back(static_cast<double>(f(i)));
  return result;
}

}  // namespace

TEST_CASE("the kernels of dispatch agree with their definitions for any numbers", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const int64_t samples : {0, 1, 5, 300}) {
      for (const int64_t experts : {1, 2, 7, 40}) {
        INFO(samples << " samples, " << experts << " experts on " << device.to_string());
        Tensor offsets = integers({experts + 1}, device), sample = integers({experts * samples}, device),
               position = integers({samples, experts}, device);
        kernels::dense_dispatch(offsets, sample, position);
        CHECK(offsets.to_doubles() == numbers(experts + 1, [&](int64_t e) { return e * samples; }));
        CHECK(sample.to_doubles() == numbers(experts * samples, [&](int64_t i) { return i % samples; }));
        CHECK(position.to_doubles() ==
              numbers(experts * samples, [&](int64_t i) { return i % experts * samples + i / experts; }));
        Tensor every = integers({samples, experts}, device);
        kernels::every_expert(every);
        CHECK(every.to_doubles() == numbers(experts * samples, [&](int64_t i) { return i % experts; }));

        for (const int64_t k : {0, 1, 3}) {
          Tensor chosen = random_indices({samples, k}, experts + 1, static_cast<uint64_t>(samples + experts + k));
          for (int64_t& e : chosen.mutable_values<int64_t>()) e -= 1;  // -1 for none
          const auto* expert = chosen.data<int64_t>();
          Tensor place = integers({samples, k}, device);
          kernels::dense_positions(chosen.to(device), experts, place);
          CHECK(place.to_doubles() ==
                numbers(samples * k, [&](int64_t i) { return expert[i] < 0 ? -1 : expert[i] * samples + i / k; }));
          Tensor mask = Tensor::full({samples, experts}, 99, DType::u8, device);
          kernels::chosen_mask(chosen.to(device), mask);
          CHECK(mask.to_doubles() == numbers(samples * experts, [&](int64_t i) {
                  for (int64_t j = 0; j < k; ++j) {
                    if (expert[i / experts * k + j] == i % experts) return 1;
                  }
                  return 0;
                }));
        }
      }
    }
  }
}

TEST_CASE("the slots of the rows of a dispatch are those of their experts", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (uint64_t seed = 0; seed < 50; ++seed) {
      const int64_t experts = 1 + static_cast<int64_t>(seed % 6), rows = static_cast<int64_t>(seed * 7 % 31),
                    classes = 1 + static_cast<int64_t>(seed % 4);
      const Tensor offsets = random_offsets(rows, experts, seed);
      const auto* offset = offsets.data<int64_t>();
      Tensor slots = random_indices({experts, classes}, 4, seed);
      for (int64_t& slot : slots.mutable_values<int64_t>()) slot -= 1;
      Tensor place = integers({rows, classes}, device), known = Tensor::full({rows, classes}, 99, DType::u8, device);
      kernels::slots_of_rows(slots.to(device), offsets.to(device), place, known);
      const auto slot_of = [&](int64_t i) {
        int64_t e = 0;
        while (offset[e + 1] <= i / classes) ++e;
        return slots.data<int64_t>()[e * classes + i % classes];
      };
      INFO("seed " << seed << " on " << device.to_string());
      CHECK(place.to_doubles() == numbers(rows * classes, [&](int64_t i) { return std::max<int64_t>(slot_of(i), 0); }));
      CHECK(known.to_doubles() == numbers(rows * classes, [&](int64_t i) { return slot_of(i) >= 0; }));
      Tensor sizes = integers({experts}, device);
      kernels::segment_sizes(offsets.to(device), sizes);
      CHECK(sizes.to_doubles() == numbers(experts, [&](int64_t e) { return offset[e + 1] - offset[e]; }));
    }
  }
}

TEST_CASE("the kernels of dispatch refuse what does not fit", "[kernel][device]") {
  for (const Device device : available_devices()) {
    const Tensor outside = Tensor::from<int64_t>({0, 3}, {2, 1}).to(device);
    Tensor position = integers({2, 1}, device), mask = Tensor::zeros({2, 3}, DType::u8, device);
    const auto out_of_range = [&](const std::function<void()>& call, const Tensor& result) {
      return refusal<ValueError>([&] {
        call();
        result.to(Device::cpu());
      });
    };
    CHECK_THAT(out_of_range([&] { kernels::dense_positions(outside, 3, position); }, position),
               Contains(device.is_cpu() ? "experts[1] = 3 is outside [-1, 3)" : "a chosen expert is out of range"));
    CHECK_THAT(out_of_range([&] { kernels::chosen_mask(outside, mask); }, mask),
               Contains(device.is_cpu() ? "experts[1] = 3 is outside [-1, 3)" : "an expert is out of range"));
    Tensor offsets = integers({3}, device), sample = integers({3}, device), wide = integers({1, 2}, device),
           wrong = Tensor::zeros({1, 2}, DType::f32, device);
    CHECK_THAT(refusal<ShapeError>([&] { kernels::dense_dispatch(offsets, sample, wide); }),
               Contains("sample must be [2], got [3]"));
    CHECK_THAT(refusal<DTypeError>([&] { kernels::every_expert(wrong); }), Contains("experts must be i64, got f32"));
    CHECK_THAT(refusal<ShapeError>([&] { kernels::segment_sizes(offsets, sample); }),
               Contains("offsets must be [4], got [3]"));
    CHECK_THAT(refusal<ShapeError>([&] { kernels::slots_of_rows(wide, offsets, wide, wide); }),
               Contains("offsets must be [2], got [3]"));
  }
}

}  // namespace divvy::test
