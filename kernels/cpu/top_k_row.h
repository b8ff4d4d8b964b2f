#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <limits>
#include <numeric>
#include <type_traits>
#include <vector>

#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

/// Finds the k greatest entries of a row, the greatest first and equal ones in the order of the row; a NaN comes before
/// every number. For top_k, and for the routing that is one pass with it; an object for each task, which owns scratch.
template <class T>
class TopKRow {
 public:
  /// best[j]: where the entry of rank j is, for j in [0, k). 1 <= k <= cols.
  void operator()(const T* row, int64_t cols, int64_t k, int64_t* best) {
    if (k <= kFew && cols >= kLong && cols < kNone && take_greatest(row, cols, k, best)) return;
    if (k <= kSome) return insert(row, cols, k, best);
    order_.resize(static_cast<size_t>(cols));
    std::iota(order_.begin(), order_.end(), 0);
    std::partial_sort(order_.begin(), order_.begin() + k, order_.end(), [row](int64_t a, int64_t b) {
      return before(row[a], row[b]) || (!before(row[b], row[a]) && a < b);
    });
    std::copy_n(order_.begin(), k, best);
  }

 private:
  static constexpr int64_t kFew = 8, kLong = 32, kSome = 16;
  static constexpr int kBytes = 64, kLanes = kBytes / sizeof(T);
  using Index = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  typedef T Values __attribute__((vector_size(kBytes)));
  typedef Index Places __attribute__((vector_size(kBytes)));
  static constexpr Index kNone = std::numeric_limits<Index>::max();

  /// Whether a comes before b by value alone.
  static bool before(T a, T b) { return a > b || (std::isnan(a) && !std::isnan(b)); }

  /// k passes, each of which finds the first of the greatest that are not taken yet: those that are less than the last
  /// one, or equal to it and behind it. False after the first pass where the row has a NaN: a NaN fails every
  /// comparison, so that there may be fewer than k entries to find.
  static bool take_greatest(const T* row, int64_t cols, int64_t k, int64_t* best) {
    Places lanes, nan = {};
    for (int lane = 0; lane < kLanes; ++lane) lanes[lane] = lane;
    for (int64_t j = 0; j < k; ++j) {
      const T last = j == 0 ? std::numeric_limits<T>::infinity() : row[best[j - 1]];
      const Index behind = j == 0 ? Index{-1} : static_cast<Index>(best[j - 1]);
      Values most = last - Values{};
      Places where = kNone - Places{}, place = lanes;
      const auto look = [&](const Values& v, const Places& there) {
        nan |= v != v;
        const Places left = there & ((v < last) | ((v == last) & (place > behind)));
        const Places better = left & ((v > most) | (where == kNone));
        most = better ? v : most;
        where = better ? place : where;
        place += kLanes;
      };
      int64_t c = 0;
      Values v;
      for (; c + kLanes <= cols; c += kLanes) {
        std::memcpy(&v, row + c, kBytes);
        look(v, Index{-1} - Places{});
      }
      if (c < cols) {
        v = Values{};
        std::memcpy(&v, row + c, static_cast<size_t>(cols - c) * sizeof(T));
        look(v, place < static_cast<Index>(cols));
      }
      if (j == 0 && any(nan)) return false;
      best[j] = first_of_greatest(most, where);
    }
    return true;
  }

  static bool any(const Places& mask) {
    Index set = 0;
    for (int lane = 0; lane < kLanes; ++lane) set |= mask[lane];
    return set != 0;
  }

  /// Of the lanes' entries, which has come first in the row among the greatest. Lanes that have found none say kNone.
  static Index first_of_greatest(Values most, Places where) {
    for (Index distance = kLanes / 2; distance > 0; distance /= 2) {
      Places from;
      for (int lane = 0; lane < kLanes; ++lane) from[lane] = (lane + distance) % kLanes;
      const Values other = __builtin_shuffle(most, from);
      const Places there = __builtin_shuffle(where, from);
      const Places better =
          (there != kNone) & ((where == kNone) | (other > most) | ((other == most) & (there < where)));
      most = better ? other : most;
      where = better ? there : where;
    }
    return where[0];
  }

  /// The best so far are kept in order, and an entry that beats the last of them moves up to its place.
  static void insert(const T* row, int64_t cols, int64_t k, int64_t* best) {
    int64_t kept = 0;
    for (int64_t c = 0; c < cols; ++c) {
      if (kept == k && !before(row[c], row[best[k - 1]])) continue;
      int64_t place = kept < k ? kept++ : k - 1;
      for (; place > 0 && before(row[c], row[best[place - 1]]); --place) best[place] = best[place - 1];
      best[place] = c;
    }
  }

  std::vector<int64_t> order_;
};

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
