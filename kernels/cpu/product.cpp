#include "kernels/cpu/product.h"

#include <Eigen/Core>

namespace divvy::kernels::cpu {

namespace {

/// Eigen cuts the depth by the cache sizes that it detects, and the order of its sums with it. Fixed sizes give the
/// same bits on every machine with the same instruction set; at the tile sizes above the speed hardly depends on them.
void pin_cache_sizes() {
  static const bool pinned = [] {
    Eigen::setCpuCacheSizes(32 << 10, 1 << 20, 32 << 20);
    return true;
  }();
  static_cast<void>(pinned);
}

template <class T, int Order>
using View = Eigen::Map<const Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Order>, 0, Eigen::OuterStride<>>;

/// Calls f with the rows x cols matrix that `v` reads; a transposed row-major matrix is a column-major one.
template <class T, class F>
void with_view(MatrixView<T> v, int64_t rows, int64_t cols, const F& f) {
  if (v.transposed) {
    f(View<T, Eigen::ColMajor>(v.data, rows, cols, Eigen::OuterStride<>(v.stride)));
  } else {
    f(View<T, Eigen::RowMajor>(v.data, rows, cols, Eigen::OuterStride<>(v.stride)));
  }
}

}  // namespace

template <class T>
void add_product(int64_t m, int64_t n, int64_t depth, MatrixView<T> a, MatrixView<T> b, T* c, int64_t stride) {
  if (m == 0 || n == 0 || depth == 0) return;
  pin_cache_sizes();
  using Result = Eigen::Matrix<T, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
  Eigen::Map<Result, 0, Eigen::OuterStride<>> result(c, m, n, Eigen::OuterStride<>(stride));
  with_view(a, m, depth, [&](const auto& left) {
    with_view(b, depth, n, [&](const auto& right) { result.noalias() += left * right; });
  });
}

template void add_product(int64_t, int64_t, int64_t, MatrixView<float>, MatrixView<float>, float*, int64_t);
template void add_product(int64_t, int64_t, int64_t, MatrixView<double>, MatrixView<double>, double*, int64_t);

}  // namespace divvy::kernels::cpu
