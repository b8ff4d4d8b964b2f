#include "kernels/softmax.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>

#include "kernels/cpu/softmax_rows.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

template <class T>
using Row = Eigen::Map<Eigen::Array<T, 1, Eigen::Dynamic>>;
template <class T>
using ConstRow = Eigen::Map<const Eigen::Array<T, 1, Eigen::Dynamic>>;

/// Calls f(r) for each row of a [rows, cols] problem, in tiles.
template <class F>
void for_rows(const Shape& shape, const F& f) {
  if (shape.numel() == 0) return;
  parallel_tiles(shape.rows(), softmax_rows_per_task(shape.cols()), [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) f(r);
  });
}

}  // namespace

void softmax(const Tensor& x, double temperature, Tensor& y) {
  visit_floating("softmax", x.dtype(), [&]<class T>() {
    const int64_t cols = x.shape().cols();
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T inverse = static_cast<T>(1 / temperature);
    if (x.numel() == 0) return;
    parallel_tiles(x.shape().rows(), softmax_rows_per_task(cols), [=](int64_t begin, int64_t end) {
      softmax_rows(in + begin * cols, end - begin, cols, inverse, out + begin * cols);
    });
  });
}

void softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  visit_floating("softmax_backward", y.dtype(), [&]<class T>() {
    const int64_t cols = y.shape().cols();
    const T *value = y.data<T>(), *upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    const T inverse = static_cast<T>(1 / temperature);
    for_rows(y.shape(), [&](int64_t r) {
      const ConstRow<T> v(value + r * cols, cols), u(upstream + r * cols, cols);
      const T dot = (u * v).sum();
      Row<T>(out + r * cols, cols) = (u - dot) * v * inverse;
    });
  });
}

void log_softmax(const Tensor& x, double temperature, Tensor& y) {
  visit_floating("log_softmax", x.dtype(), [&]<class T>() {
    const int64_t cols = x.shape().cols();
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T inverse = static_cast<T>(1 / temperature);
    for_rows(x.shape(), [&](int64_t r) {
      const ConstRow<T> from(in + r * cols, cols);
      Row<T> to(out + r * cols, cols);
      const T max = from.maxCoeff();
      constexpr T half = T(0.5);
      const T log_sum = std::log(((from - max) * inverse).exp().sum());
      // Halves, since the distance of two finite numbers can be infinite where its share by the temperature is not.
      to = (from * half - max * half) * (2 * inverse) - log_sum;
    });
  });
}

void log_softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  visit_floating("log_softmax_backward", y.dtype(), [&]<class T>() {
    const int64_t cols = y.shape().cols();
    const T *value = y.data<T>(), *upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    const T inverse = static_cast<T>(1 / temperature);
    for_rows(y.shape(), [&](int64_t r) {
      const ConstRow<T> v(value + r * cols, cols), u(upstream + r * cols, cols);
      const T sum = u.sum();
      Row<T>(out + r * cols, cols) = (u - v.exp() * sum) * inverse;
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
