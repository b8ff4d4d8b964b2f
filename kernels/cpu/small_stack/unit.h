#pragma once

#include <cstdint>

#include "kernels/small_layer_sizes.h"

/// What the driver of a small stack (small_stack.cpp) hands to the code of one instruction set. Sizes that are called
/// features count lanes' vectors; a tile is as many samples as a vector has lanes.
namespace divvy::kernels::cpu {

/// Tiles that are computed side by side, so that a weight is read once for all of them.
inline constexpr int64_t kTileGroup = 4;
/// Rows of one expert that one task computes, and the most tiles that these can be.
inline constexpr int64_t kUnitRows = 256;
inline constexpr int64_t kUnitTiles = kUnitRows / 2;

struct StackLayer : SmallLayerSizes {
  bool kept = false;        ///< its results are kept for backward; else they are in the memory of the unit in work
  int64_t border = 0;       ///< zeros around each channel of what is stored of the result: the next layer's padding
  int64_t result_at = 0;    ///< features of a tile's results, kept or not, before this layer's
  int64_t mask_at = 0;      ///< masks of a tile before this layer's; a pooled value has two
  int64_t gradient_at = 0;  ///< features of a tile's gradients before this layer's

  /// Masks of a tile of `lanes` samples, by pooled values or by the rows of each sample's.
  int64_t masks(int64_t lanes) const { return 2 * out * out_rows * (out_cols < lanes ? lanes : out_cols); }
  int64_t stored_rows() const { return out_rows + 2 * border; }
  int64_t stored_cols() const { return out_cols + 2 * border; }
  int64_t stored_size() const { return out * stored_rows() * stored_cols(); }
};

/// The tiles of one expert that one task computes.
template <class T>
struct StackUnit {
  const StackLayer* layers;
  int64_t layer_count;
  const T* const* weight;  ///< of each layer, of this expert
  const T* const* bias;    ///< or nullptr for none
  int64_t tiles;
  int64_t rows;             ///< of all tiles; only the last tile has fewer than it has lanes
  const T* const* samples;  ///< [rows] where the first layer reads them; else nullptr
  const T* const* input;    ///< [tiles] transposed inputs with their border
  const T* largest;         ///< [tiles] the largest magnitude in each input
  T* results;               ///< of the first tile: what is kept of the layers' results
  int64_t result_stride;    ///< elements from a tile's results to those of the next
  T* passing;               ///< results that are not kept, of the tiles in work
  int64_t passing_stride;
  uint16_t* masks;      ///< of the first tile: where the pooled values came from
  int64_t mask_stride;  ///< 0 where they are not kept
  T* scratch;           ///< for backward, as many elements as backward_scratch says
};

template <class T>
struct StackForward {
  StackUnit<T> unit;
  T* y;  ///< [rows, out_size of the last layer]
};

template <class T>
struct StackBackward {
  StackUnit<T> unit;
  const T* dy;        ///< [rows, out_size of the last layer]
  T* dx;              ///< [rows, size of a sample], or nullptr where it is not wanted
  T* const* dweight;  ///< of each layer: the sums over the rows of this unit, which are assigned, or nullptr where they
  T* const* dbias;    ///< are not wanted
};

/// The code of one instruction set.
template <class T>
struct StackCode {
  int64_t lanes;
  /// Reads `count` rows of a sample's features, transposes them into `tile` and returns the largest magnitude. Planes
  /// of rows x cols get a border of zeros.
  T(*read)
  (const T* const* rows, int64_t count, int64_t channels, int64_t height, int64_t width, int64_t border, T* scratch,
   T* tile);
  /// Whether this first layer may read samples that have not been transposed.
  bool (*reads_samples)(const StackLayer& first);
  void (*forward)(const StackForward<T>&);
  void (*backward)(const StackBackward<T>&);
  /// Elements of unit.scratch that backward takes.
  int64_t (*backward_scratch)(const StackUnit<T>& unit, bool wants_dx);
};

}  // namespace divvy::kernels::cpu
