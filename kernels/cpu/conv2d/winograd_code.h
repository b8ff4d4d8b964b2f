#pragma once

#include <cstdint>

/// What conv2d_winograd.cpp hands to the code of one instruction set; see conv2d_winograd_tile.h.
namespace divvy::kernels::cpu {

/// Tiles of 2 x 2 output pixels: `rows` rows of `cols` of them, from row `first` on.
struct WinogradTiles {
  int64_t first, rows, cols;
  int64_t count() const { return rows * cols; }
};

template <class T>
struct WinogradCode {
  int64_t lanes;  ///< elements of a vector
  /// Elements of the memory that each of the functions works in.
  int64_t (*space)(const WinogradTiles& tiles);
  /// Transforms the patches of 4 x 4 inputs of all tiles of a plane [height, width] with zeros around it. Of each of
  /// the 16 results, those of all tiles follow each other; the results lie `stride` elements apart.
  void (*inputs)(const WinogradTiles& tiles, const T* plane, int64_t height, int64_t width, int64_t padding, T* space,
                 T* to, int64_t stride);
  /// The reverse for products of transformed inputs and filters: 2 x 2 outputs of each tile, plus a bias, into a plane
  /// [height, width]. May read a vector beyond what it uses.
  void (*outputs)(const WinogradTiles& tiles, const T* from, int64_t stride, T bias, T* space, T* plane, int64_t height,
                  int64_t width);
  /// The transpose of `outputs`, for a gradient [height, width] of them.
  void (*upstream)(const WinogradTiles& tiles, const T* plane, int64_t height, int64_t width, T* space, T* to,
                   int64_t stride);
};

template <class T>
const WinogradCode<T>& winograd_plain();
template <class T>
const WinogradCode<T>& winograd_avx2();
template <class T>
const WinogradCode<T>& winograd_avx512();

}  // namespace divvy::kernels::cpu
