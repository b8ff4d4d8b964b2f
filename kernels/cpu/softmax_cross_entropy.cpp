#include "kernels/softmax_cross_entropy.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "kernels/cpu/simd/elementary.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

template <class T>
using Row = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;
template <class T>
using ConstRow = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;

/// Calls f(r) for each row of [rows, cols], in tiles of about 16k elements. A row has a label, so it has a column.
template <class F>
void for_rows(const Shape& shape, const F& f) {
  const int64_t tile = std::max<int64_t>(1, 16384 / std::max<int64_t>(shape.cols(), 1));
  parallel_tiles(shape[0], tile, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

}  // namespace

void softmax_cross_entropy(const Tensor& x, const Tensor& label, Tensor& loss) {
  visit_floating("softmax_cross_entropy", x.dtype(), [&]<class T>() {
    const int64_t cols = x.size(1);
    const T* in = x.data<T>();
    const int64_t* at = label.data<int64_t>();
    T* out = loss.mutable_data<T>();
    for_rows(x.shape(), [&](int64_t r) {
      const ConstRow<T> scores(in + r * cols, cols);
      const T max = scores.maxCoeff();
      out[r] = std::log((scores - max).exp().sum()) - (scores[at[r]] - max);
    });
  });
}

void softmax_cross_entropy_backward(const Tensor& x, const Tensor& label, const Tensor& dloss, Tensor& dx) {
  visit_floating("softmax_cross_entropy_backward", x.dtype(), [&]<class T>() {
    const int64_t cols = x.size(1);
    const T *in = x.data<T>(), *upstream = dloss.data<T>();
    const int64_t* at = label.data<int64_t>();
    T* out = dx.mutable_data<T>();
    for_rows(x.shape(), [&](int64_t r) {
      const ConstRow<T> scores(in + r * cols, cols);
      Row<T> to(out + r * cols, cols);
      to = scores - scores.maxCoeff();
      exp_in_place(to.data(), cols);
      to *= upstream[r] / to.sum();
      to[at[r]] -= upstream[r];
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
