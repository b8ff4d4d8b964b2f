#include "kernels/pairwise_distance.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>

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

/// Of this share of two rows no difference is infinite, nor their distance.
constexpr double kFarShare = 0x1p-40;

/// `share` times the distance of two rows whose squares are too large or too small for T: the differences are divided
/// by the largest of them.
template <class T>
double scaled_distance(const T* a, const T* b, int64_t cols, double share) {
  const auto difference = [=](int64_t c) {
    return static_cast<double>(a[c]) * share - static_cast<double>(b[c]) * share;
  };
  double most = 0, sum = 0;
  for (int64_t c = 0; c < cols; ++c) most = std::max(most, std::abs(difference(c)));
  if (most == 0 || std::isinf(most)) return most;
  for (int64_t c = 0; c < cols; ++c) sum += difference(c) / most * (difference(c) / most);
  return most * std::sqrt(sum);
}

/// Whether a sum of squares of T is neither infinite nor blurred by the smallest numbers of T.
template <class T>
bool is_exact(double squares, int64_t cols) {
  using Limits = std::numeric_limits<T>;
  constexpr auto kLeast = static_cast<double>(Limits::min() / Limits::epsilon());
  return squares >= kLeast * static_cast<double>(cols) && squares <= static_cast<double>(Limits::max());
}

/// Whether a distance and its reciprocal are far from the ends of the range of T.
template <class T>
bool is_plain(T distance) {
  using Limits = std::numeric_limits<T>;
  return distance > Limits::min() / Limits::epsilon() && distance < Limits::max() * Limits::epsilon();
}

template <class T>
double distance_of(const T* a, const T* b, int64_t cols) {
  const double squared = squared_distance(a, b, cols);
  if (is_exact<T>(squared, cols) || std::isnan(squared)) return std::sqrt(squared);
  const double near = scaled_distance(a, b, cols, 1);
  return std::isinf(near) ? scaled_distance(a, b, cols, kFarShare) / kFarShare : near;
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
          const double apart = i == j ? 0 : distance_of(in + i * cols, in + j * cols, cols);
          out[i * rows + j] = out[j * rows + i] = static_cast<T>(apart);
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
          const T* own = in + i * cols + column;
          T* to = out + i * cols + column;
          if (!is_plain(apart[i * rows + j])) {  // neither the quotient nor the difference may fit into T
            const double share = apart[i * rows + j] < 1 ? 1 : kFarShare;
            const double distance = scaled_distance(in + i * cols, in + j * cols, cols, share);
            const double both =
                static_cast<double>(upstream[i * rows + j]) + static_cast<double>(upstream[j * rows + i]);
            for (int64_t c = 0; c < width; ++c) {
              const double difference = static_cast<double>(own[c]) * share - static_cast<double>(other[c]) * share;
              to[c] += static_cast<T>(both * (difference / distance));
            }
            continue;
          }
          const T scale = (upstream[i * rows + j] + upstream[j * rows + i]) / apart[i * rows + j];
          for (int64_t c = 0; c < width; ++c) to[c] += scale * (own[c] - other[c]);
        }
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
