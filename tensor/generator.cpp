#include "tensor/generator.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "tensor/cuda/random.h"
#include "tensor/error.h"
#include "tensor/parallel.h"

namespace divvy {

namespace {

/// A bijection on 64-bit numbers that hides any pattern (the finalizer of SplitMix64).
uint64_t scramble(uint64_t x) {
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

constexpr int64_t blocks_for(int64_t elements, int64_t per_block) {
  return elements / per_block + (elements % per_block != 0);
}

/// Fills a tensor, on its device, with elements of a distribution of tensor/cuda/random_elements.h: block b gives the
/// elements from b * kPerBlock on. Returns the offset of the next unused block.
template <class T, class Distribution>
uint64_t fill(const random::State& state, const Distribution& distribution, Tensor& out) {
  constexpr int64_t kPerBlock = Distribution::kPerBlock;
  const int64_t count = out.numel(), blocks = blocks_for(count, kPerBlock);
  if (out.device().is_cuda()) {
    cuda::fill_random(state, distribution, out);
  } else {
    T* to = out.mutable_data<T>();
    parallel_tiles(blocks, 4096, [&](int64_t begin, int64_t end) {
      for (int64_t b = begin; b < end; ++b) {
        const auto elements = distribution(random::block_at(state, static_cast<uint64_t>(b)));
        std::copy_n(elements.at, std::min(kPerBlock, count - b * kPerBlock), to + b * kPerBlock);
      }
    });
  }
  return state.offset + static_cast<uint64_t>(blocks);
}

/// The largest number of type T below `high`.
template <class T>
T below(T high) {
  return std::nextafter(high, -std::numeric_limits<T>::infinity());
}

template <class T>
void draw_classes(const random::State& state, const T* p, int64_t classes, Tensor& result) {
  const int64_t rows = result.numel(), tile = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, classes));
  int64_t* drawn = result.mutable_data<int64_t>();
  parallel_tiles(rows, tile, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const random::Block block = random::block_at(state, static_cast<uint64_t>(r / 2));
      drawn[r] = random::pick(p + r * classes, classes, random::unit(block.wide(static_cast<int>(r % 2))));
    }
  });
  if (const int64_t* bad = std::find(drawn, drawn + rows, -1); bad != drawn + rows) {
    const int64_t row = bad - drawn;
    fail<ValueError>(
        "categorical: row {} is no distribution: [{:.4g}]; expects finite values >= 0 that are not all zero", row,
        fmt::join(p + row * classes, p + row * classes + std::min<int64_t>(classes, 16), ", "));
  }
}

}  // namespace

Generator Generator::split(uint64_t stream) const {
  // For each parent this is a bijection of `stream`; the inner scramble() separates the children of different parents.
  return Generator(seed_, scramble(scramble(stream_ + 0x9e3779b97f4a7c15u) ^ stream));
}

std::array<uint32_t, 4> Generator::bits() {
  const random::Block block = random::block_at({seed_, stream_, offset_++}, 0);
  return {block.word[0], block.word[1], block.word[2], block.word[3]};
}

double Generator::uniform() { return random::unit(random::block_at({seed_, stream_, offset_++}, 0).wide(0)); }

int64_t Generator::integer(int64_t limit) {
  if (limit < 1) fail<ValueError>("integer: limit must be at least 1, got {}", limit);
  // Lemire 2019, "Fast random integer generation in an interval": the upper half of word * limit, repeated where the
  // lower half falls into the 2^64 mod limit values that would make some results more likely.
  const auto n = static_cast<uint64_t>(limit);
  __extension__ using Wide = unsigned __int128;
  while (true) {
    const Wide product = static_cast<Wide>(random::block_at({seed_, stream_, offset_++}, 0).wide(0)) * n;
    const auto lower = static_cast<uint64_t>(product);
    if (lower >= n || lower >= (0 - n) % n) return static_cast<int64_t>(product >> 64);
  }
}

Tensor Generator::uniform(const Shape& shape, double low, double high, DType dtype, Device device) {
  return visit_floating("uniform", dtype, [&]<class T>() {
    const T from = static_cast<T>(low), to = static_cast<T>(high), range = to - from;
    if (!(low <= high) || !std::isfinite(range)) {
      fail<ValueError>("uniform: expects finite low <= high, got {} and {} for {}", low, high, dtype);
    }
    Tensor result = Tensor::empty(shape, dtype, device);
    const random::Uniform<T> distribution{from, range, from < to ? below(to) : from};
    offset_ = fill<T>({seed_, stream_, offset_}, distribution, result);
    return result;
  });
}

Tensor Generator::normal(const Shape& shape, double mean, double stddev, DType dtype, Device device) {
  if (!std::isfinite(mean) || !std::isfinite(stddev) || stddev < 0) {
    fail<ValueError>("normal: expects a finite mean and a finite stddev >= 0, got {} and {}", mean, stddev);
  }
  return visit_floating("normal", dtype, [&]<class T>() {
    Tensor result = Tensor::empty(shape, dtype, device);
    offset_ = fill<T>({seed_, stream_, offset_}, random::Normal<T>{mean, stddev}, result);
    return result;
  });
}

Tensor Generator::bernoulli(const Shape& shape, double p, Device device) {
  if (!(p >= 0 && p <= 1)) fail<ValueError>("bernoulli: p must lie in [0, 1], got {}", p);
  Tensor result = Tensor::empty(shape, DType::u8, device);
  offset_ = fill<uint8_t>({seed_, stream_, offset_}, random::Bernoulli{p * 0x1p32}, result);
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
  const int64_t rows = probabilities.size(0), classes = probabilities.size(1);
  if (rows > 0 && classes == 0)
    fail<ValueError>("categorical: there is no class in probabilities {}", probabilities.shape());
  Tensor result = Tensor::empty({rows}, DType::i64, probabilities.device());
  if (probabilities.device().is_cuda()) {
    cuda::draw_classes({seed_, stream_, offset_}, probabilities, result);
  } else {
    visit_floating("categorical", probabilities.dtype(), [&]<class T>() {
      draw_classes({seed_, stream_, offset_}, probabilities.values<T>().data(), classes, result);
    });
  }
  offset_ += static_cast<uint64_t>(blocks_for(rows, 2));
  return result;
}

}  // namespace divvy
