#include "tensor/generator.h"

#include <Random123/philox.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <numeric>
#include <vector>

#include "tensor/error.h"
#include "tensor/parallel.h"

namespace divvy {

namespace {

using Block = std::array<uint32_t, 4>;

uint32_t low_half(uint64_t x) { return static_cast<uint32_t>(x); }
uint32_t high_half(uint64_t x) { return static_cast<uint32_t>(x >> 32); }

Block philox(uint64_t seed, uint64_t stream, uint64_t counter) {
  const philox4x32_key_t key{{low_half(seed), high_half(seed)}};
  const philox4x32_ctr_t at{{low_half(counter), high_half(counter), low_half(stream), high_half(stream)}};
  const philox4x32_ctr_t bits = philox4x32(at, key);
  return {bits.v[0], bits.v[1], bits.v[2], bits.v[3]};
}

/// Half 0 or 1 of a block as one number.
uint64_t word64(const Block& block, size_t half) {
  return block[2 * half] | static_cast<uint64_t>(block[2 * half + 1]) << 32;
}

/// [0, 1), from the upper 53 bits.
double unit(uint64_t word) { return static_cast<double>(word >> 11) * 0x1p-53; }
/// (0, 1], for logarithms.
double positive_unit(uint64_t word) { return static_cast<double>((word >> 11) + 1) * 0x1p-53; }

/// A bijection of 64 bits without visible pattern (the finaliser of SplitMix64).
uint64_t scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr int64_t blocks_for(int64_t elements, int64_t per_block) {
  return elements / per_block + (elements % per_block != 0);
}

/// Writes elements [b * N, (b + 1) * N) of out = convert(block b after the generator's offset), for all blocks that it
/// takes to fill it. `convert` returns std::array<T, N>. The offset of what follows is returned.
template <class T, class Convert>
uint64_t fill(const Generator& generator, Tensor& out, const Convert& convert) {
  using Elements = decltype(convert(Block{}));
  constexpr int64_t kPerBlock = std::tuple_size_v<Elements>;
  const int64_t count = out.numel(), blocks = blocks_for(count, kPerBlock);
  const uint64_t seed = generator.seed(), stream = generator.stream(), offset = generator.offset();
  T* to = out.mutable_data<T>();
  parallel_tiles(blocks, 4096, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      const Elements elements = convert(philox(seed, stream, offset + static_cast<uint64_t>(b)));
      std::copy_n(elements.data(), std::min(kPerBlock, count - b * kPerBlock), to + b * kPerBlock);
    }
  });
  return offset + static_cast<uint64_t>(blocks);
}

/// Two normal numbers, from u in (0, 1] and v in [0, 1).
std::array<double, 2> box_muller(double u, double v) {
  const double radius = std::sqrt(-2 * std::log(u)), angle = 2 * std::numbers::pi * v;
  return {radius * std::cos(angle), radius * std::sin(angle)};
}

std::array<double, 2> box_muller32(uint32_t u, uint32_t v) {
  return box_muller((static_cast<double>(u) + 1) * 0x1p-32, static_cast<double>(v) * 0x1p-32);
}

/// The largest number of type T below `high`.
template <class T>
T below(T high) {
  return std::nextafter(high, -std::numeric_limits<T>::infinity());
}

/// The class that u in [0, 1) picks from weights p[0, classes), or -1 where they are no weights.
template <class T>
int64_t pick(const T* p, int64_t classes, double u) {
  double total = 0;
  for (int64_t c = 0; c < classes; ++c) {
    if (!(p[c] >= 0)) return -1;
    total += static_cast<double>(p[c]);
  }
  if (!(total > 0) || std::isinf(total)) return -1;
  const double target = u * total;
  double sum = 0;
  int64_t last = -1;  // the last class that can be drawn, should rounding carry the target up to the total
  for (int64_t c = 0; c < classes; ++c) {
    if (p[c] == 0) continue;
    sum += static_cast<double>(p[c]);
    last = c;
    if (sum > target) break;
  }
  return last;
}

}  // namespace

Generator Generator::split(uint64_t stream) const {
  // For one parent a bijection of the number given; parents are told apart by the inner scrambling.
  return Generator(seed_, scramble(scramble(stream_ + 0x9e3779b97f4a7c15u) ^ stream));
}

std::array<uint32_t, 4> Generator::bits() { return philox(seed_, stream_, offset_++); }

double Generator::uniform() { return unit(word64(bits(), 0)); }

int64_t Generator::integer(int64_t limit) {
  if (limit < 1) fail<ValueError>("integer: limit must be at least 1, got {}", limit);
  // Lemire 2019, "Fast random integer generation in an interval": the upper half of word * limit, repeated where the
  // lower half falls into the 2^64 mod limit values that would make some results more likely.
  const auto n = static_cast<uint64_t>(limit);
  __extension__ using Wide = unsigned __int128;
  while (true) {
    const Wide product = static_cast<Wide>(word64(bits(), 0)) * n;
    const auto lower = static_cast<uint64_t>(product);
    if (lower >= n || lower >= (0 - n) % n) return static_cast<int64_t>(product >> 64);
  }
}

Tensor Generator::uniform(const Shape& shape, double low, double high, DType dtype) {
  return visit_floating("uniform", dtype, [&]<class T>() {
    const T from = static_cast<T>(low), to = static_cast<T>(high), range = to - from;
    if (!(low <= high) || !std::isfinite(range)) {
      fail<ValueError>("uniform: expects finite low <= high, got {} and {} for {}", low, high, dtype);
    }
    const T last = from < to ? below(to) : from;
    Tensor result = Tensor::empty(shape, dtype);
    const auto scale = [=](double u) {
      // For f32 the product is exact in double, so that fused and separate operations give the same bits.
      return std::min(last, static_cast<T>(static_cast<double>(from) + static_cast<double>(range) * u));
    };
    offset_ = fill<T>(*this, result, [&](const Block& block) {
      if constexpr (std::is_same_v<T, float>) {
        std::array<float, 4> elements;
        for (size_t j = 0; j < 4; ++j) elements[j] = scale(static_cast<double>(block[j] >> 8) * 0x1p-24);
        return elements;
      } else {
        return std::array<double, 2>{scale(unit(word64(block, 0))), scale(unit(word64(block, 1)))};
      }
    });
    return result;
  });
}

Tensor Generator::normal(const Shape& shape, double mean, double stddev, DType dtype) {
  if (!std::isfinite(mean) || !std::isfinite(stddev) || stddev < 0) {
    fail<ValueError>("normal: expects a finite mean and a finite stddev >= 0, got {} and {}", mean, stddev);
  }
  return visit_floating("normal", dtype, [&]<class T>() {
    Tensor result = Tensor::empty(shape, dtype);
    const auto scale = [=](double z) { return static_cast<T>(mean + stddev * z); };
    offset_ = fill<T>(*this, result, [&](const Block& block) {
      if constexpr (std::is_same_v<T, float>) {
        const auto a = box_muller32(block[0], block[1]), b = box_muller32(block[2], block[3]);
        return std::array<float, 4>{scale(a[0]), scale(a[1]), scale(b[0]), scale(b[1])};
      } else {
        const auto z = box_muller(positive_unit(word64(block, 0)), unit(word64(block, 1)));
        return std::array<double, 2>{scale(z[0]), scale(z[1])};
      }
    });
    return result;
  });
}

Tensor Generator::bernoulli(const Shape& shape, double p) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>("bernoulli: p must lie in [0, 1], got {}", p);
  Tensor result = Tensor::empty(shape, DType::u8);
  const double threshold = p * 0x1p32;
  offset_ = fill<uint8_t>(*this, result, [=](const Block& block) {
    std::array<uint8_t, 4> elements;
    for (size_t j = 0; j < 4; ++j) elements[j] = static_cast<double>(block[j]) < threshold;
    return elements;
  });
  return result;
}

Tensor Generator::permutation(int64_t n) {
  if (n < 0) fail<ValueError>("permutation: n must not be negative, got {}", n);
  Tensor result = Tensor::empty({n}, DType::i64);
  const auto values = result.mutable_values<int64_t>();
  std::iota(values.begin(), values.end(), int64_t{0});
  for (int64_t i = n - 1; i > 0; --i) {
    std::swap(values[static_cast<size_t>(i)], values[static_cast<size_t>(integer(i + 1))]);
  }
  return result;
}

Tensor Generator::categorical(const Tensor& probabilities) {
  if (!probabilities.defined()) fail<ValueError>("categorical: probabilities are undefined");
  if (probabilities.rank() != 2) {
    fail<ShapeError>("categorical: probabilities must be [rows, classes], got {}", probabilities.shape());
  }
  return visit_floating("categorical", probabilities.dtype(), [&]<class T>() {
    const T* p = probabilities.values<T>().data();
    const int64_t rows = probabilities.size(0), classes = probabilities.size(1);
    Tensor result = Tensor::empty({rows}, DType::i64);
    int64_t* drawn = result.mutable_data<int64_t>();
    const int64_t tile = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, classes));
    parallel_tiles(rows, tile, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        const Block block = philox(seed_, stream_, offset_ + static_cast<uint64_t>(r / 2));
        drawn[r] = pick(p + r * classes, classes, unit(word64(block, static_cast<size_t>(r % 2))));
      }
    });
    // Errors are looked for afterwards, as nothing may be thrown from a parallel region.
    if (const int64_t* bad = std::find(drawn, drawn + rows, -1); bad != drawn + rows) {
      const int64_t row = bad - drawn;
      fail<ValueError>(
          "categorical: row {} is no distribution: [{:.4g}]; expects finite values >= 0 that are not all zero", row,
          fmt::join(p + row * classes, p + row * classes + std::min<int64_t>(classes, 16), ", "));
    }
    offset_ += static_cast<uint64_t>(blocks_for(rows, 2));
    return result;
  });
}

}  // namespace divvy
