#include "kernels/route.h"

#include <algorithm>

#include "kernels/cpu/softmax_rows.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/top_k_row.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// One task's rows of a routing.
template <class T>
struct RoutedRows {
  const T* scores;
  T *probabilities, *weights;
  int64_t* experts;
  int64_t rows, count, k;

  void choose() const {
    TopKRow<T> choose_row;
    for (int64_t r = 0; r < rows; ++r) choose_row(scores + r * count, count, k, experts + r * k);
  }

  /// weights[r, j] = from[r, experts[r, j]]
  void take(const T* from) const {
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t j = r * k; j < (r + 1) * k; ++j) weights[j] = from[r * count + experts[j]];
    }
  }

  /// The softmax over the chosen ones, which are k of many: only theirs are computed.
  void weigh_chosen(T inverse) const {
    take(scores);
    softmax_rows(weights, rows, k, inverse, weights);
    std::fill_n(probabilities, rows * count, T{0});
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t j = r * k; j < (r + 1) * k; ++j) probabilities[r * count + experts[j]] = weights[j];
    }
  }

  void weigh_all(T inverse) const {
    softmax_rows(scores, rows, count, inverse, probabilities);
    take(probabilities);
  }
};

}  // namespace

void route_top_k(const Tensor& scores, double temperature, bool among_chosen, Tensor& probabilities, Tensor& experts,
                 Tensor& weights, Tensor& /*counts*/) {
  visit_floating("route_top_k", scores.dtype(), [&]<class T>() {
    const int64_t count = scores.size(1), k = experts.size(1);
    const T inverse = static_cast<T>(1 / temperature);
    const T* in = scores.data<T>();
    T *p = probabilities.mutable_data<T>(), *w = weights.mutable_data<T>();
    int64_t* chosen = experts.mutable_data<int64_t>();
    parallel_tiles(scores.size(0), softmax_rows_per_task(count), [&](int64_t begin, int64_t end) {
      const RoutedRows<T> part{
          in + begin * count, p + begin * count, w + begin * k, chosen + begin * k, end - begin, count, k};
      part.choose();
      among_chosen ? part.weigh_chosen(inverse) : part.weigh_all(inverse);
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
