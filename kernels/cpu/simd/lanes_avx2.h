#pragma once

#include <immintrin.h>

#include <cstdint>

/// Eight samples in the lanes of AVX2 vectors; see lanes_plain.h.
namespace divvy::kernels::cpu {
namespace {

struct Avx2Lanes {
  using Element = float;
  using Vec = __m256;
  using Mask = __m256;  ///< all bits of a lane are set, or none
  static constexpr int64_t kCount = 8;
  static constexpr int kOutputs = 3, kTiles = 4, kLeft = 3, kRight = 4;

  static Vec zero() { return _mm256_setzero_ps(); }
  static Vec all(float value) { return _mm256_set1_ps(value); }
  static Vec load(const float* from) { return _mm256_loadu_ps(from); }
  static void store(float* to, Vec v) { _mm256_storeu_ps(to, v); }
  static Vec add(Vec a, Vec b) { return _mm256_add_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm256_fmadd_ps(a, b, c); }
  static Vec max(Vec a, Vec b) { return _mm256_max_ps(a, b); }
  static Mask greater(Vec a, Vec b) { return _mm256_cmp_ps(a, b, _CMP_GT_OQ); }
  static Mask not_a_number(Vec a) { return _mm256_cmp_ps(a, a, _CMP_UNORD_Q); }
  static Vec select(Mask mask, Vec yes, Vec no) { return _mm256_blendv_ps(no, yes, mask); }
  static Vec keep(Mask mask, Vec v) { return _mm256_and_ps(mask, v); }
  static Mask choose(Mask mask, Mask yes, Mask no) { return _mm256_blendv_ps(no, yes, mask); }
  static Mask both(Mask a, Mask b) { return _mm256_and_ps(a, b); }
  static Mask invert(Mask a) { return _mm256_xor_ps(a, _mm256_castsi256_ps(_mm256_set1_epi32(-1))); }
  static Mask mask_of(uint16_t bits) {
    const __m256i lane = _mm256_setr_epi32(1, 2, 4, 8, 16, 32, 64, 128);
    return _mm256_castsi256_ps(_mm256_cmpeq_epi32(_mm256_and_si256(_mm256_set1_epi32(bits), lane), lane));
  }
  static uint16_t bits(Mask mask) { return static_cast<uint16_t>(_mm256_movemask_ps(mask)); }
  static float sum(Vec v) {
    __m128 half = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    half = _mm_add_ps(half, _mm_movehl_ps(half, half));
    return _mm_cvtss_f32(_mm_add_ss(half, _mm_movehdup_ps(half)));
  }

  static void sum4(const Vec* v, float* to) {
    const Vec all = _mm256_hadd_ps(_mm256_hadd_ps(v[0], v[1]), _mm256_hadd_ps(v[2], v[3]));
    _mm_storeu_ps(to, _mm_add_ps(_mm256_castps256_ps128(all), _mm256_extractf128_ps(all, 1)));
  }

  static float read_rows(const float* const* rows, int64_t n, float* to) {
    __m256i largest = _mm256_setzero_si256();
    const __m256i magnitude = _mm256_set1_epi32(0x7fffffff);
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      Vec v[4];
      for (int r = 0; r < 4; ++r) {
        v[r] = _mm256_castps128_ps256(_mm_loadu_ps(rows[r] + j));
        v[r] = _mm256_insertf128_ps(v[r], _mm_loadu_ps(rows[r + 4] + j), 1);
      }
      transpose4(v);
      for (int c = 0; c < 4; ++c) {
        // The bits of magnitudes are ordered as they are, and those of infinities and NaN come last.
        largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v[c]), magnitude));
        store(to + (j + c) * kCount, v[c]);
      }
    }
    for (; j < n; ++j) {
      alignas(32) float column[kCount];
      for (int64_t lane = 0; lane < kCount; ++lane) column[lane] = rows[lane][j];
      const Vec v = load(column);
      largest = _mm256_max_epi32(largest, _mm256_and_si256(_mm256_castps_si256(v), magnitude));
      store(to + j * kCount, v);
    }
    __m128i most = _mm_max_epi32(_mm256_castsi256_si128(largest), _mm256_extracti128_si256(largest, 1));
    most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0x4e));
    most = _mm_max_epi32(most, _mm_shuffle_epi32(most, 0xb1));
    return _mm_cvtss_f32(_mm_castsi128_ps(most));
  }

  static void write_rows(const float* from, int64_t n, int64_t count, float* const* rows) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      Vec v[4];
      for (int c = 0; c < 4; ++c) v[c] = load(from + (j + c) * kCount);
      transpose4(v);
      for (int r = 0; r < 4; ++r) {
        if (r < count) _mm_storeu_ps(rows[r] + j, _mm256_castps256_ps128(v[r]));
        if (r + 4 < count) _mm_storeu_ps(rows[r + 4] + j, _mm256_extractf128_ps(v[r], 1));
      }
    }
    for (; j < n; ++j) {
      for (int64_t lane = 0; lane < count; ++lane) rows[lane][j] = from[j * kCount + lane];
    }
  }

 private:
  /// Transposes the 4 x 4 numbers in each 128 bits of four vectors.
  static void transpose4(Vec* v) {
    const Vec a = _mm256_unpacklo_ps(v[0], v[1]), b = _mm256_unpackhi_ps(v[0], v[1]);
    const Vec c = _mm256_unpacklo_ps(v[2], v[3]), d = _mm256_unpackhi_ps(v[2], v[3]);
    v[0] = _mm256_shuffle_ps(a, c, 0x44);
    v[1] = _mm256_shuffle_ps(a, c, 0xee);
    v[2] = _mm256_shuffle_ps(b, d, 0x44);
    v[3] = _mm256_shuffle_ps(b, d, 0xee);
  }
};

}  // namespace
}  // namespace divvy::kernels::cpu
