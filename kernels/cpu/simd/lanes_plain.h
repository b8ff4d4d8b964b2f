#pragma once

#include <cstdint>
#include <cstring>

/// Samples in the lanes of vectors: what a kernel needs that computes with one sample in each lane. There are three
/// such types, one for each instruction set, and one algorithm over them. Each file that includes one is compiled for
/// its instruction set; hence the unnamed namespaces, so that nothing of it is shared with files that are not.
///
/// A group of lanes has: Element, Vec, Mask, kCount lanes; kOutputs x kTiles and kLeft x kRight, the accumulators that
/// fit in registers for a product and for a gradient of weights.
namespace divvy::kernels::cpu {
namespace {

/// For every machine, and for f64: vectors of 16 bytes, or what the compiler makes of them.
template <class T>
struct PlainLanes {
  using Element = T;
  typedef T Vec __attribute__((vector_size(16)));
  static constexpr int64_t kCount = 16 / static_cast<int64_t>(sizeof(T));
  static constexpr int kOutputs = 3, kTiles = 2, kLeft = 2, kRight = 4;
  using Mask = uint16_t;

  static Vec zero() { return Vec{}; }
  static Vec all(T value) { return value - Vec{}; }
  static Vec load(const T* from) {
    Vec v;
    std::memcpy(&v, from, sizeof(v));
    return v;
  }
  static void store(T* to, Vec v) { std::memcpy(to, &v, sizeof(v)); }
  static Vec add(Vec a, Vec b) { return a + b; }
  /// a * b + c
  static Vec fma(Vec a, Vec b, Vec c) { return a * b + c; }
  /// The larger one; b where either is not a number.
  static Vec max(Vec a, Vec b) { return a > b ? a : b; }
  static Mask greater(Vec a, Vec b) { return bits_of(a > b); }
  static Mask not_a_number(Vec a) { return bits_of(a != a); }
  static Vec select(Mask mask, Vec yes, Vec no) {
    for (int64_t i = 0; i < kCount; ++i) yes[i] = (mask >> i & 1) != 0 ? yes[i] : no[i];
    return yes;
  }
  static Vec keep(Mask mask, Vec v) { return select(mask, v, zero()); }
  static Mask choose(Mask mask, Mask yes, Mask no) { return static_cast<Mask>((mask & yes) | (~mask & no)); }
  static Mask both(Mask a, Mask b) { return static_cast<Mask>(a & b); }
  static Mask invert(Mask a) { return static_cast<Mask>(~a); }
  static Mask mask_of(uint16_t bits) { return bits; }
  static uint16_t bits(Mask mask) { return mask; }
  /// to[i] = the sum of the lanes of v[i], for four of them.
  static void sum4(const Vec* v, T* to) {
    for (int i = 0; i < 4; ++i) to[i] = sum(v[i]);
  }
  static T sum(Vec v) {
    T total = v[0];
    for (int64_t i = 1; i < kCount; ++i) total += v[i];
    return total;
  }

  /// to[j, lane] = rows[lane][j] for j < n. Returns the largest magnitude, which is not finite where one is not.
  static T read_rows(const T* const* rows, int64_t n, T* to) {
    T largest = 0;
    for (int64_t lane = 0; lane < kCount; ++lane) {
      for (int64_t j = 0; j < n; ++j) {
        const T value = rows[lane][j], size = value < 0 ? -value : value;
        to[j * kCount + lane] = value;
        if (size > largest || size != size) largest = size;
      }
    }
    return largest;
  }
  /// rows[lane][j] = from[j, lane] for j < n and the first `count` lanes.
  static void write_rows(const T* from, int64_t n, int64_t count, T* const* rows) {
    for (int64_t lane = 0; lane < count; ++lane) {
      for (int64_t j = 0; j < n; ++j) rows[lane][j] = from[j * kCount + lane];
    }
  }

 private:
  template <class V>
  static Mask bits_of(V mask) {
    Mask bits = 0;
    for (int64_t i = 0; i < kCount; ++i) bits = static_cast<Mask>(bits | (mask[i] != 0 ? 1 << i : 0));
    return bits;
  }
};

}  // namespace
}  // namespace divvy::kernels::cpu
