#if defined(__x86_64__)

// A target of its own, beyond those that CMake names.
#define DIVVY_TARGET avx512_bf16
#define DIVVY_VECTOR_BYTES 64
#define DIVVY_TARGET_FEATURES "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16"

#include "kernels/cpu/product/bf16_tile.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::avx512_bf16 {

namespace {

struct Avx512Bf16 {
  struct Use {};  // needs no state of the thread

  template <int M, int N>
  static void multiply(int64_t count, const uint16_t* a, const uint16_t* b, float (*sums)[256]) {
    for (int m = 0; m < M; ++m) {
      for (int half = 0; half < 2; ++half) eight_rows<M, N>(count, a, b, m, half * 8, sums);
    }
  }

  /// Rows [first, first + 8) of square m of a: 8 N sums in registers.
  template <int M, int N>
  static void eight_rows(int64_t count, const uint16_t* a, const uint16_t* b, int m, int first, float (*sums)[256]) {
    constexpr int64_t kSquare = 512, kRow = 32;
    const uint16_t* rows = a + m * count * kSquare + first * kRow;
    __m512 sum[8][N];
    for (auto& row : sum) {
      for (auto& v : row) v = _mm512_setzero_ps();
    }
    for (int64_t square = 0; square < count * kSquare; square += kSquare) {
      for (int64_t q = 0; q < 16; ++q) {
        __m512bh right[N];
#pragma GCC unroll 2
        for (int n = 0; n < N; ++n) {
          right[n] = (__m512bh)_mm512_loadu_si512(b + n * count * kSquare + square + q * kRow);
        }
#pragma GCC unroll 8
        for (int i = 0; i < 8; ++i) {
          int pair;
          std::memcpy(&pair, rows + square + i * kRow + 2 * q, sizeof(pair));
          const auto left = (__m512bh)_mm512_set1_epi32(pair);
#pragma GCC unroll 2
          for (int n = 0; n < N; ++n) sum[i][n] = _mm512_dpbf16_ps(sum[i][n], left, right[n]);
        }
      }
    }
    for (int i = 0; i < 8; ++i) {
      for (int n = 0; n < N; ++n) _mm512_storeu_ps(sums[m * N + n] + (first + i) * 16, sum[i][n]);
    }
  }
};

}  // namespace

template <>
const ProductCode<float>& product_code() {
  static constexpr ProductCode<float> code = Bf16Tile<Avx512Bf16>::code();
  return code;
}

}  // namespace divvy::kernels::avx512_bf16
DIVVY_TARGET_END;

#endif
