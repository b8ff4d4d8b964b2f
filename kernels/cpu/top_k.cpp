#include "kernels/top_k.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <vector>

#include "tensor/parallel.h"

namespace divvy::kernels::cpu {

namespace {

/// Whether a comes before b by value alone; a NaN comes before every number.
template <class T>
bool before(T a, T b) {
  return a > b || (std::isnan(a) && !std::isnan(b));
}

/// For small k: the best so far are kept in order, and an entry that beats the last of them moves up to its place.
template <class T>
void insert_top(const T* row, int64_t cols, int64_t k, int64_t* best) {
  int64_t kept = 0;
  T last = row[0];
  for (int64_t c = 0; c < cols; ++c) {
    // Most entries of a long row end here; a NaN on either side is false, and then before() decides.
    if (kept == k && (row[c] <= last || !before(row[c], last))) continue;
    int64_t place = kept < k ? kept++ : k - 1;
    for (; place > 0 && before(row[c], row[best[place - 1]]); --place) best[place] = best[place - 1];
    best[place] = c;
    last = row[best[kept - 1]];
  }
}

template <class T>
void sort_top(const T* row, int64_t cols, int64_t k, int64_t* best, std::vector<int64_t>& order) {
  order.resize(static_cast<size_t>(cols));
  std::iota(order.begin(), order.end(), 0);
  std::partial_sort(order.begin(), order.begin() + k, order.end(), [row](int64_t a, int64_t b) {
    return before(row[a], row[b]) || (!before(row[b], row[a]) && a < b);
  });
  std::copy_n(order.begin(), k, best);
}

int64_t rows_per_tile(const Tensor& x) { return 2560 / x.shape().cols() + 1; }

}  // namespace

void top_k(const Tensor& x, Tensor& values, Tensor& indices) {
  visit_floating("top_k", x.dtype(), [&]<class T>() {
    const int64_t cols = x.shape().cols(), k = indices.shape().cols();
    const T* in = x.data<T>();
    T* value = values.mutable_data<T>();
    int64_t* index = indices.mutable_data<int64_t>();
    parallel_tiles(x.shape().rows(), rows_per_tile(x), [&](int64_t begin, int64_t end) {
      std::vector<int64_t> order;
      for (int64_t r = begin; r < end; ++r) {
        const T* row = in + r * cols;
        int64_t* best = index + r * k;
        if (k <= 16) {
          insert_top(row, cols, k, best);
        } else {
          sort_top(row, cols, k, best, order);
        }
        for (int64_t j = 0; j < k; ++j) value[r * k + j] = row[best[j]];
      }
    });
  });
}

void top_k_backward(const Tensor& indices, const Tensor& dy, Tensor& dx) {
  visit_floating("top_k_backward", dy.dtype(), [&]<class T>() {
    const int64_t cols = dx.shape().cols(), k = indices.shape().cols();
    const T* upstream = dy.data<T>();
    const int64_t* index = indices.data<int64_t>();
    T* out = dx.mutable_data<T>();
    parallel_tiles(dx.shape().rows(), rows_per_tile(dx), [&](int64_t begin, int64_t end) {
      std::fill_n(out + begin * cols, (end - begin) * cols, T{0});
      for (int64_t r = begin; r < end; ++r) {
        for (int64_t j = r * k; j < (r + 1) * k; ++j) out[r * cols + index[j]] = upstream[j];
      }
    });
  });
}

}  // namespace divvy::kernels::cpu
