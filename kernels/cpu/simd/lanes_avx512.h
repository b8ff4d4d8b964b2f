#pragma once

#include <immintrin.h>

#include <cstdint>

/// Sixteen samples in the lanes of AVX-512 vectors; see lanes_plain.h.
namespace divvy::kernels::cpu {
namespace {

struct Avx512Lanes {
  using Element = float;
  using Vec = __m512;
  using Mask = __mmask16;
  static constexpr int64_t kCount = 16;
  static constexpr int kOutputs = 6, kTiles = 4, kLeft = 6, kRight = 4;

  static Vec zero() { return _mm512_setzero_ps(); }
  static Vec all(float value) { return _mm512_set1_ps(value); }
  static Vec load(const float* from) { return _mm512_loadu_ps(from); }
  static void store(float* to, Vec v) { _mm512_storeu_ps(to, v); }
  static Vec add(Vec a, Vec b) { return _mm512_add_ps(a, b); }
  static Vec fma(Vec a, Vec b, Vec c) { return _mm512_fmadd_ps(a, b, c); }
  /// By the masked form: g++ 12 warns of the plain one.
  static Vec max(Vec a, Vec b) { return _mm512_maskz_max_ps(0xffff, a, b); }
  static Mask greater(Vec a, Vec b) { return _mm512_cmp_ps_mask(a, b, _CMP_GT_OQ); }
  static Mask not_a_number(Vec a) { return _mm512_cmp_ps_mask(a, a, _CMP_UNORD_Q); }
  static Vec select(Mask mask, Vec yes, Vec no) { return _mm512_mask_blend_ps(mask, no, yes); }
  static Vec keep(Mask mask, Vec v) { return _mm512_maskz_mov_ps(mask, v); }
  static Mask choose(Mask mask, Mask yes, Mask no) { return static_cast<Mask>((mask & yes) | (~mask & no)); }
  static Mask both(Mask a, Mask b) { return static_cast<Mask>(a & b); }
  static Mask invert(Mask a) { return static_cast<Mask>(~a); }
  static Mask mask_of(uint16_t bits) { return bits; }
  static uint16_t bits(Mask mask) { return mask; }
  static float sum(Vec v) { return _mm512_reduce_add_ps(v); }

  static void sum4(const Vec* v, float* to) {
    // Halves of the lanes of two vectors side by side, then of four, then the four lanes of each 128 bits.
    const Vec ab = _mm512_add_ps(_mm512_shuffle_f32x4(v[0], v[1], 0x44), _mm512_shuffle_f32x4(v[0], v[1], 0xee));
    const Vec cd = _mm512_add_ps(_mm512_shuffle_f32x4(v[2], v[3], 0x44), _mm512_shuffle_f32x4(v[2], v[3], 0xee));
    Vec all = _mm512_add_ps(_mm512_shuffle_f32x4(ab, cd, 0x88), _mm512_shuffle_f32x4(ab, cd, 0xdd));
    all = _mm512_add_ps(all, _mm512_permute_ps(all, 0x4e));
    all = _mm512_add_ps(all, _mm512_permute_ps(all, 0xb1));
    const __m512i first = _mm512_setr_epi32(0, 4, 8, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    _mm_storeu_ps(to, _mm512_castps512_ps128(_mm512_permutexvar_ps(first, all)));
  }

  static float read_rows(const float* const* rows, int64_t n, float* to) {
    __m512i largest = _mm512_setzero_si512();
    const __m512i magnitude = _mm512_set1_epi32(0x7fffffff);
    int64_t j = 0;
    const auto columns = [&]<int Quads>() {
      // Four columns of four rows fill a vector; the rows are taken four apart, so that the transposition of each 128
      // bits is that of the whole.
      Vec v[Quads][4];
#pragma GCC unroll 4
      for (int r = 0; r < 4; ++r) {
        const float *a = rows[r] + j, *b = rows[r + 4] + j, *c = rows[r + 8] + j, *d = rows[r + 12] + j;
#pragma GCC unroll 4
        for (int q = 0; q < Quads; ++q) {
          v[q][r] = _mm512_castps128_ps512(_mm_loadu_ps(a + 4 * q));
          v[q][r] = _mm512_insertf32x4(v[q][r], _mm_loadu_ps(b + 4 * q), 1);
          v[q][r] = _mm512_insertf32x4(v[q][r], _mm_loadu_ps(c + 4 * q), 2);
          v[q][r] = _mm512_insertf32x4(v[q][r], _mm_loadu_ps(d + 4 * q), 3);
        }
      }
#pragma GCC unroll 4
      for (int q = 0; q < Quads; ++q) {
        transpose4(v[q]);
#pragma GCC unroll 4
        for (int c = 0; c < 4; ++c) {
          // The bits of magnitudes are ordered as they are, and those of infinities and NaN come last.
          largest = _mm512_max_epi32(largest, _mm512_and_epi32(_mm512_castps_si512(v[q][c]), magnitude));
          store(to + (j + 4 * q + c) * kCount, v[q][c]);
        }
      }
      j += 4 * Quads;
    };
    while (j + 16 <= n) columns.template operator()<4>();
    while (j + 4 <= n) columns.template operator()<1>();
    for (; j < n; ++j) {
      alignas(64) float column[kCount];
      for (int64_t lane = 0; lane < kCount; ++lane) column[lane] = rows[lane][j];
      const Vec v = load(column);
      largest = _mm512_max_epi32(largest, _mm512_and_epi32(_mm512_castps_si512(v), magnitude));
      store(to + j * kCount, v);
    }
    alignas(64) int32_t bits[kCount];
    _mm512_store_si512(bits, largest);
    int32_t most = 0;
    for (const int32_t lane : bits) most = lane > most ? lane : most;
    return _mm_cvtss_f32(_mm_castsi128_ps(_mm_cvtsi32_si128(most)));
  }

  static void write_rows(const float* from, int64_t n, int64_t count, float* const* rows) {
    int64_t j = 0;
    for (; j + 4 <= n; j += 4) {
      Vec v[4];
      for (int c = 0; c < 4; ++c) v[c] = load(from + (j + c) * kCount);
      transpose4(v);
      for (int r = 0; r < 4; ++r) {
        if (r < count) _mm_storeu_ps(rows[r] + j, _mm512_castps512_ps128(v[r]));
        if (r + 4 < count) _mm_storeu_ps(rows[r + 4] + j, _mm512_extractf32x4_ps(v[r], 1));
        if (r + 8 < count) _mm_storeu_ps(rows[r + 8] + j, _mm512_extractf32x4_ps(v[r], 2));
        if (r + 12 < count) _mm_storeu_ps(rows[r + 12] + j, _mm512_extractf32x4_ps(v[r], 3));
      }
    }
    for (; j < n; ++j) {
      for (int64_t lane = 0; lane < count; ++lane) rows[lane][j] = from[j * kCount + lane];
    }
  }

 private:
  /// Transposes the 4 x 4 numbers in each 128 bits of four vectors.
  static void transpose4(Vec* v) {
    const Vec a = _mm512_unpacklo_ps(v[0], v[1]), b = _mm512_unpackhi_ps(v[0], v[1]);
    const Vec c = _mm512_unpacklo_ps(v[2], v[3]), d = _mm512_unpackhi_ps(v[2], v[3]);
    v[0] = _mm512_shuffle_ps(a, c, 0x44);
    v[1] = _mm512_shuffle_ps(a, c, 0xee);
    v[2] = _mm512_shuffle_ps(b, d, 0x44);
    v[3] = _mm512_shuffle_ps(b, d, 0xee);
  }
};

}  // namespace
}  // namespace divvy::kernels::cpu
