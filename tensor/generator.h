#pragma once

#include <array>
#include <cstdint>

#include "tensor/tensor.h"

namespace divvy {

/// Random numbers from a counter: Philox 4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
///
/// Block c of a generator is 128 bits, philox(key, counter), with
///     key     = {seed low, seed high}                              (32-bit words, least significant first)
///     counter = {c low, c high, stream low, stream high}
/// and offset() is the next unused block. So element i of a tensor depends only on (seed, stream, offset, i): the
/// numbers are the same for any number of threads, any block can be computed on its own on any device, and the three
/// numbers seed, stream and offset are the whole state. A GPU gives the same bits as the CPU, except for normal(),
/// whose last digits depend on the device's logarithm and sine. The comment of each function states how many blocks it
/// takes; a call that throws takes none.
class Generator {
 public:
  explicit Generator(uint64_t seed = 42, uint64_t stream = 0) : seed_(seed), stream_(stream) {}

  uint64_t seed() const { return seed_; }
  uint64_t stream() const { return stream_; }
  uint64_t offset() const { return offset_; }
  void set_offset(uint64_t offset) { offset_ = offset; }

  /// A generator with the same seed at offset 0 of a stream independent of this one's. Different numbers give different
  /// streams, also in splits of splits. The offset of this generator does not matter.
  Generator split(uint64_t stream) const;

  /// The next block of raw bits. Takes 1 block.
  std::array<uint32_t, 4> bits();
  /// One number in [0, 1), a multiple of 2^-53. Takes 1 block.
  double uniform();
  /// One integer, uniform in [0, limit). Takes 1 block, and 1 more each time the draw has to be repeated (with a chance
  /// below limit / 2^64). Throws ValueError unless limit >= 1.
  int64_t integer(int64_t limit);

  /// Numbers in [low, high): low + (high - low) * u, with low and high rounded to `dtype`; all `low` where they are
  /// equal. f32: u is the upper 24 bits of a word, four elements to a block; f64: u is the upper 53 bits of two words
  /// (the first is the less significant), two elements to a block. Throws ValueError unless low <= high and high - low
  /// is finite in `dtype`, DTypeError for a dtype other than f32 and f64.
  Tensor uniform(const Shape& shape, double low = 0, double high = 1, DType dtype = DType::f32, Device device = {});

  /// Numbers of the normal distribution, by Box and Muller: r = sqrt(-2 log u), z[i] = r cos(2 pi v), z[i + 1] = r
  /// sin(2 pi v), with u in (0, 1] and v in [0, 1), computed in double. f32: u, v have 32 bits, four elements to a
  /// block; f64: 53 bits, two elements to a block. Throws ValueError unless mean is finite and stddev is finite and >=
  /// 0, DTypeError for a dtype other than f32 and f64.
  Tensor normal(const Shape& shape, double mean = 0, double stddev = 1, DType dtype = DType::f32, Device device = {});

  /// u8: 1 with probability p (to within 2^-32), else 0; four elements to a block. Throws ValueError unless 0 <= p
  /// <= 1.
  Tensor bernoulli(const Shape& shape, double p, Device device = {});

  /// i64 [n]: 0 ... n - 1 in a random order, every order equally likely; by Fisher and Yates, with n - 1 calls of
  /// integer(). Throws ValueError for n < 0.
  Tensor permutation(int64_t n);

  /// i64 [B]: for each row of probabilities [B, E], f32 or f64, a class drawn in proportion to them, on their device;
  /// the rows need not add up to 1. A class of probability 0 is never drawn. Two rows to a block. Throws ValueError
  /// for a row with a negative, NaN or infinite entry, or whose sum is zero or infinite; on a GPU that row gets class
  /// 0, and the next copy to the host throws.
  Tensor categorical(const Tensor& probabilities);

 private:
  uint64_t seed_;
  uint64_t stream_;
  uint64_t offset_ = 0;
};

}  // namespace divvy
