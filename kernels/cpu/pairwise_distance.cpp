#include "kernels/pairwise_distance.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kRows = 8;        ///< rows of a tile, which share what they read of the others
constexpr int64_t kColumns = 1024;  ///< columns of a block: one row of it is 4 to 8 KiB
constexpr int64_t kLanes = 16;

/// The sum of (a - b)^2: sixteen sums for a block of columns, and the blocks in double.
template <class T>
double squared_distance(const T* a, const T* b, int64_t cols) {
  using Lanes = Eigen::Array<T, kLanes, 1>;
  double total = 0;
  for (int64_t begin = 0; begin < cols; begin += kColumns) {
    const int64_t end = std::min(begin + kColumns, cols);
    Lanes sums = Lanes::Zero();
    int64_t c = begin;
    for (; c + kLanes <= end; c += kLanes) {
      sums += (Eigen::Map<const Lanes>(a + c) - Eigen::Map<const Lanes>(b + c)).square();
    }
    for (int64_t lane = 0; c < end; ++c, ++lane) sums[lane] += (a[c] - b[c]) * (a[c] - b[c]);
    total += sums.template cast<double>().sum();
  }
  return total;
}

}  // namespace

void pairwise_distance(const Tensor& x, Tensor& distance) {
  visit_floating("pairwise_distance", x.dtype(), [&]<class T>() {
    const int64_t rows = x.size(0), cols = x.shape().range(1).numel();
    const T* in = x.data<T>();
    T* out = distance.mutable_data<T>();
    parallel_tiles(rows, kRows, [&](int64_t begin, int64_t end) {
      for (int64_t j = begin; j < rows; ++j) {
        for (int64_t i = begin; i < std::min(end, j + 1); ++i) {
          const double squared = i == j ? 0 : squared_distance(in + i * cols, in + j * cols, cols);
          out[i * rows + j] = out[j * rows + i] = static_cast<T>(std::sqrt(squared));
        }
      }
    });
  });
}

void pairwise_distance_backward(const Tensor& x, const Tensor& distance, const Tensor& dy, Tensor& dx) {
  visit_floating("pairwise_distance_backward", x.dtype(), [&]<class T>() {
    const int64_t rows = x.size(0), cols = x.shape().range(1).numel();
    const T *in = x.data<T>(), *apart = distance.data<T>(), *upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    const int64_t blocks = (cols + kColumns - 1) / kColumns;
    parallel_for((rows + kRows - 1) / kRows * blocks, [&](int64_t task) {
      const int64_t begin = task / blocks * kRows, end = std::min(begin + kRows, rows);
      const int64_t column = task % blocks * kColumns, width = std::min(kColumns, cols - column);
      for (int64_t i = begin; i < end; ++i) std::fill_n(out + i * cols + column, width, T{0});
      for (int64_t j = 0; j < rows; ++j) {
        const T* other = in + j * cols + column;
        for (int64_t i = begin; i < end; ++i) {
          if (apart[i * rows + j] == T{0}) continue;
          const T scale = (upstream[i * rows + j] + upstream[j * rows + i]) / apart[i * rows + j];
          const T* own = in + i * cols + column;
          T* to = out + i * cols + column;
          for (int64_t c = 0; c < width; ++c) to[c] += scale * (own[c] - other[c]);
        }
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
