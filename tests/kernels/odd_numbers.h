#pragma once

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/instruction_sets.h"

/// Numbers at the ends of a type, and what results may be for them.
namespace divvy::test {

/// NaN, infinities, zeros, denormals, the smallest and largest normal numbers, neighbors, and offsets and units of
/// physical quantities.
template <class T>
std::vector<T> odd_numbers() {
  using Limits = std::numeric_limits<T>;
  const T most = Limits::max(), least = Limits::min(), tiny = Limits::denorm_min();
  std::vector<T> magnitudes{0,        tiny,    3 * tiny, least / 2, least,  least * 3, T(1e-30), T(1e-13),
                            T(2e-13), T(1e-7), T(0.3),   T(0.5),    1,      T(1.5),    2,        3,
                            T(10.25), T(40),   T(100),   T(1e3),    T(1e9), T(1e20),   most / 2, most};
  for (const T at : {T{1}, T(1e9), most}) magnitudes.push_back(std::nextafter(at, T{0}));
  magnitudes.push_back(std::nextafter(T{1}, T{2}));
  magnitudes.push_back(Limits::infinity());
  std::vector<T> numbers{Limits::quiet_NaN()};
  for (const T magnitude : magnitudes) {
    numbers.push_back(magnitude);
    numbers.push_back(-magnitude);
  }
  return numbers;
}

/// Whether a result is right: NaN and infinite where the exact one is, rounded to T, and else off by no more than
/// `relative` of it and `absolute`. A result beside the largest finite number or among the denormals may be the one or
/// the other.
template <class T>
bool is_right(T got, long double exact, double relative, long double absolute = 0) {
  using Limits = std::numeric_limits<T>;
  const T nearest = static_cast<T>(exact);
  if (std::isnan(exact)) return std::isnan(got);
  if (got == nearest) return true;
  if (std::isnan(got) || std::isinf(exact)) return false;
  const long double allowed = relative * std::abs(exact) + absolute + Limits::min() * relative;
  const auto value = std::isinf(got)
                         ? std::copysign(static_cast<long double>(Limits::max()), static_cast<long double>(got))
                         : static_cast<long double>(got);
  const auto bound = std::clamp<long double>(exact, -Limits::max(), Limits::max());
  return std::abs(value - bound) <= allowed + 2 * Limits::denorm_min();
}

/// Calls check(device) on each device, and on the CPU for each instruction set.
template <class F>
void on_every_device(const F& check) {
  for (const Device device : available_devices()) {
    if (!device.is_cpu()) {
      INFO("on " << device.to_string());
      check(device);
      continue;
    }
    for (const auto set : instruction_sets()) {
      const WithInstructionSet with(set);
      INFO("on the CPU with instruction set " << static_cast<int>(set));
      check(device);
    }
  }
}

/// A group of numbers that an operation meets at once.
template <class T>
struct OddGroup {
  std::string name;
  std::vector<T> values;
};

template <class T>
std::vector<OddGroup<T>> odd_groups() {
  using Limits = std::numeric_limits<T>;
  const T nan = Limits::quiet_NaN(), infinity = Limits::infinity(), most = Limits::max(), tiny = Limits::denorm_min();
  const T far = T(1e9), next = std::nextafter(far, most), after = std::nextafter(next, most);
  std::vector<T> many, outlier(1000, T{0});
  for (int i = 0; i < 700; ++i) many.push_back(i % 3 == 0 ? next : i % 3 == 1 ? far : after);
  outlier[7] = std::sqrt(most) * 4;
  return {{"one number", {3}},
          {"two numbers", {T(-0.25), 3}},
          {"equal numbers", {T(0.1), T(0.1), T(0.1), T(0.1), T(0.1)}},
          {"zeros", {0, -T{0}, 0}},
          {"neighbors far from 0", {far, next, far, after}},
          {"many neighbors far from 0", many},
          {"an offset of 1e9", {T(1e9), T(1e9) + 1024, T(1e9) + 512, T(1e9) - 2048, T(1e9)}},
          {"units of 1e-13", {T(1e-13), T(3e-13), -T(2e-13), T(1.5e-13)}},
          {"denormals", {tiny, 5 * tiny, -tiny, Limits::min() / 2}},
          {"the largest", {most, most, -most}},
          {"both ends", {most, -most, most / 2, -most, -most, most / 4}},
          {"near the largest", {most, most / 2, most * T(0.75)}},
          {"one far from the others", outlier},
          {"a NaN", {1, nan, 3}},
          {"NaN alone", {nan, nan}},
          {"infinity", {1, infinity, 2}},
          {"minus infinity", {1, -infinity, 2}},
          {"minus infinity alone", {-infinity, -infinity}},
          {"both infinities", {infinity, 0, -infinity}}};
}

}  // namespace divvy::test
