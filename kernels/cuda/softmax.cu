#include "kernels/softmax.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/math.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/row_team.cuh"

namespace divvy::kernels::cuda {

namespace {

/// y = softmax or log_softmax of x * inverse.
template <bool kLog, class Team, class T>
__global__ void __launch_bounds__(kThreads) softmax_kernel(const T* x, int64_t rows, int64_t cols, T inverse, T* y) {
  const Team team;
  if (team.row() >= rows) return;  // whole teams at a time
  x += team.row() * cols;
  y += team.row() * cols;
  T max = -Math::infinity<T>();
  for (int64_t c = team.first(); c < cols; c += team.step()) max = Maximum()(max, x[c]);
  max = team.reduce(max, -Math::infinity<T>(), Maximum());
  T sum = 0;
  for (int64_t c = team.first(); c < cols; c += team.step()) sum += Math::exp((x[c] - max) * inverse);
  sum = team.reduce(sum, T(0), Sum());
  if constexpr (kLog) {
    const T log_sum = Math::log(sum), half = T(0.5);
    // Halves, since the distance of two finite numbers can be infinite where its share by the temperature is not.
    for (int64_t c = team.first(); c < cols; c += team.step()) {
      y[c] = (x[c] * half - max * half) * (2 * inverse) - log_sum;
    }
  } else {
    const T scale = 1 / sum;
    for (int64_t c = team.first(); c < cols; c += team.step()) y[c] = Math::exp((x[c] - max) * inverse) * scale;
  }
}

/// Softmax: dx = (dy - <dy, y>) y inverse. Log: dx = (dy - exp(y) sum dy) inverse.
template <bool kLog, class Team, class T>
__global__ void __launch_bounds__(kThreads)
    softmax_backward_kernel(const T* y, const T* dy, int64_t rows, int64_t cols, T inverse, T* dx) {
  const Team team;
  if (team.row() >= rows) return;
  y += team.row() * cols;
  dy += team.row() * cols;
  dx += team.row() * cols;
  T sum = 0;
  for (int64_t c = team.first(); c < cols; c += team.step()) sum += kLog ? dy[c] : dy[c] * y[c];
  sum = team.reduce(sum, T(0), Sum());
  for (int64_t c = team.first(); c < cols; c += team.step()) {
    dx[c] = (kLog ? dy[c] - Math::exp(y[c]) * sum : (dy[c] - sum) * y[c]) * inverse;
  }
}

template <bool kLog>
void forward(const Tensor& x, double temperature, Tensor& y) {
  if (x.numel() == 0) return;
  visit_floating("softmax", x.dtype(), [&]<class T>() {
    const int64_t rows = x.shape().rows(), cols = x.shape().cols();
    const T inverse = static_cast<T>(1 / temperature);
    const auto run = [&]<class Team>(Team) {
      launch(grid_of_rows<Team>(x.device(), rows), softmax_kernel<kLog, Team, T>, x.data<T>(), rows, cols, inverse,
             y.mutable_data<T>());
    };
    cols > kLongRow ? run(BlockOfRow()) : run(WarpOfRow());
  });
}

template <bool kLog>
void backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  if (y.numel() == 0) return;
  visit_floating("softmax_backward", y.dtype(), [&]<class T>() {
    const int64_t rows = y.shape().rows(), cols = y.shape().cols();
    const T inverse = static_cast<T>(1 / temperature);
    const auto run = [&]<class Team>(Team) {
      launch(grid_of_rows<Team>(y.device(), rows), softmax_backward_kernel<kLog, Team, T>, y.data<T>(), dy.data<T>(),
             rows, cols, inverse, dx.mutable_data<T>());
    };
    cols > kLongRow ? run(BlockOfRow()) : run(WarpOfRow());
  });
}

}  // namespace

void softmax(const Tensor& x, double temperature, Tensor& y) { forward<false>(x, temperature, y); }
void log_softmax(const Tensor& x, double temperature, Tensor& y) { forward<true>(x, temperature, y); }
void softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  backward<false>(y, dy, temperature, dx);
}
void log_softmax_backward(const Tensor& y, const Tensor& dy, double temperature, Tensor& dx) {
  backward<true>(y, dy, temperature, dx);
}

}  // namespace divvy::kernels::cuda
