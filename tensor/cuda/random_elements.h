#pragma once

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <numbers>
#include <type_traits>

#include "tensor/anywhere.h"

/// How random elements are made from the words of their block (see tensor/generator.h), for the CPU and for CUDA. A
/// distribution is a function object that gives the kPerBlock elements of a block.
namespace divvy::random {

/// The state of a generator.
struct State {
  uint64_t seed, stream, offset;
};

struct Block {
  uint32_t word[4];
  /// The low (0) or high (1) 64 bits as one number.
  DIVVY_ANYWHERE uint64_t wide(int half) const {
    return word[2 * half] | static_cast<uint64_t>(word[2 * half + 1]) << 32;
  }
};

DIVVY_ANYWHERE inline uint32_t low_half(uint64_t x) { return static_cast<uint32_t>(x); }
DIVVY_ANYWHERE inline uint32_t high_half(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

/// The block `index` blocks after the generator's next one.
DIVVY_ANYWHERE inline Block block_at(const State& state, uint64_t index) {
  const uint64_t counter = state.offset + index;
  const philox4x32_key_t key{{low_half(state.seed), high_half(state.seed)}};
  const philox4x32_ctr_t at{{low_half(counter), high_half(counter), low_half(state.stream), high_half(state.stream)}};
  const philox4x32_ctr_t bits = philox4x32(at, key);
  return {{bits.v[0], bits.v[1], bits.v[2], bits.v[3]}};
}

/// A number in [0, 1) from the upper 53 bits.
DIVVY_ANYWHERE inline double unit(uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }
/// A number in (0, 1], for logarithms.
DIVVY_ANYWHERE inline double positive_unit(uint64_t word) { return static_cast<double>((word >> 11) + 1) * 0x1p-53; }

/// a + b * c, rounded twice: CUDA and the CPU would differ if one of them fused the operations.
DIVVY_ANYWHERE inline double sum_with_product(double a, double b, double c) {
#ifdef __CUDA_ARCH__
  return __dadd_rn(a, __dmul_rn(b, c));
#else
  return a + b * c;
#endif
}

template <class T, int N>
struct alignas(sizeof(T) * N) Elements {
  T at[N];
};

template <class T>
struct Uniform {
  static constexpr int kPerBlock = 16 / sizeof(T);
  T low, range, last;  ///< `last`: the largest number below the end of the range

  DIVVY_ANYWHERE Elements<T, kPerBlock> operator()(const Block& block) const {
    Elements<T, kPerBlock> elements;
    for (int j = 0; j < kPerBlock; ++j) {
      if constexpr (std::is_same_v<T, float>) {
        elements.at[j] = scaled(static_cast<double>(block.word[j] >> 8) * 0x1p-24);
      } else {
        elements.at[j] = scaled(unit(block.wide(j)));
      }
    }
    return elements;
  }

 private:
  DIVVY_ANYWHERE T scaled(double u) const {
    const T value = static_cast<T>(sum_with_product(static_cast<double>(low), static_cast<double>(range), u));
    return value > last ? last : value;
  }
};

template <class T>
struct Normal {
  static constexpr int kPerBlock = 16 / sizeof(T);
  double mean, stddev;

  DIVVY_ANYWHERE Elements<T, kPerBlock> operator()(const Block& block) const {
    Elements<T, kPerBlock> elements;
    if constexpr (std::is_same_v<T, float>) {
      for (int j = 0; j < 4; j += 2) {
        box_muller((static_cast<double>(block.word[j]) + 1) * 0x1p-32, static_cast<double>(block.word[j + 1]) * 0x1p-32,
                   elements.at + j);
      }
    } else {
      box_muller(positive_unit(block.wide(0)), unit(block.wide(1)), elements.at);
    }
    return elements;
  }

 private:
  /// Makes two normal numbers from u in (0, 1] and v in [0, 1).
  DIVVY_ANYWHERE void box_muller(double u, double v, T* to) const {
    const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
    to[0] = static_cast<T>(sum_with_product(mean, stddev, radius * std::cos(angle)));
    to[1] = static_cast<T>(sum_with_product(mean, stddev, radius * std::sin(angle)));
  }
};

struct Bernoulli {
  static constexpr int kPerBlock = 4;
  double threshold;  ///< words below it give 1

  DIVVY_ANYWHERE Elements<uint8_t, 4> operator()(const Block& block) const {
    Elements<uint8_t, 4> elements;
    for (int j = 0; j < 4; ++j) elements.at[j] = static_cast<double>(block.word[j]) < threshold ? 1 : 0;
    return elements;
  }
};

/// The class that u in [0, 1) picks by the weights p[0, classes), or -1 if the weights are invalid.
template <class T>
DIVVY_ANYWHERE int64_t pick(const T* p, int64_t classes, double u) {
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (!(p[c] >= 0)) return -1;
    total += static_cast<double>(p[c]);
  }
  if (!(total > 0 && total <= std::numeric_limits<double>::max())) return -1;
  const double target = u * total;
  double sum = 0;
  int64_t last = -1;  // the last class of nonzero weight, in case rounding raises the target to the total
  for (int64_t c = 0; c < classes; ++c) {
    if (p[c] == 0) continue;
    sum += static_cast<double>(p[c]);
    last = c;
    if (sum > target) break;
  }
  return last;
}

}  // namespace divvy::random
