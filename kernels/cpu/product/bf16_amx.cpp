#if defined(__x86_64__)

// A target of its own, beyond those that CMake names.
#define DIVVY_TARGET amx
#define DIVVY_VECTOR_BYTES 64
#define DIVVY_TARGET_FEATURES "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,amx-tile,amx-bf16"

#include "kernels/cpu/product/bf16_tile.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::amx {

namespace {

/// Registers 0 to 3 hold squares of the sums, 4 and 5 squares of a, 6 and 7 squares of b.
struct Amx {
  /// The shape of the tiles of a thread, while one lives: 16 rows of 64 bytes.
  struct Use {
    Use() {
      struct Shape {
        uint8_t palette = 1, start_row = 0, reserved[14] = {};
        uint16_t row_bytes[16] = {64, 64, 64, 64, 64, 64, 64, 64};
        uint8_t rows[16] = {16, 16, 16, 16, 16, 16, 16, 16};
      } const shape;
      _tile_loadconfig(&shape);
    }
    ~Use() { _tile_release(); }
    Use(const Use&) = delete;
    Use& operator=(const Use&) = delete;
  };

  template <int M, int N>
  static void multiply(int64_t count, const uint16_t* a, const uint16_t* b, float (*sums)[256]) {
    constexpr int64_t kSquare = 512, kRow = 64;
    const uint16_t *lower = a + count * kSquare, *right = b + count * kSquare;
    _tile_zero(0);
    if constexpr (N == 2) _tile_zero(1);
    if constexpr (M == 2) _tile_zero(2);
    if constexpr (M == 2 && N == 2) _tile_zero(3);
    for (int64_t i = 0; i < count * kSquare; i += kSquare) {
      _tile_loadd(4, a + i, kRow);
      _tile_loadd(6, b + i, kRow);
      _tile_dpbf16ps(0, 4, 6);
      if constexpr (N == 2) _tile_loadd(7, right + i, kRow);
      if constexpr (N == 2) _tile_dpbf16ps(1, 4, 7);
      if constexpr (M == 2) _tile_loadd(5, lower + i, kRow);
      if constexpr (M == 2) _tile_dpbf16ps(2, 5, 6);
      if constexpr (M == 2 && N == 2) _tile_dpbf16ps(3, 5, 7);
    }
    _tile_stored(0, sums[0], kRow);
    if constexpr (N == 2) _tile_stored(1, sums[1], kRow);
    if constexpr (M == 2) _tile_stored(2, sums[N], kRow);
    if constexpr (M == 2 && N == 2) _tile_stored(3, sums[3], kRow);
  }
};

}  // namespace

template <>
const ProductCode<float>& product_code() {
  static constexpr ProductCode<float> code = Bf16Tile<Amx>::code();
  return code;
}

}  // namespace divvy::kernels::amx
DIVVY_TARGET_END;

#endif
