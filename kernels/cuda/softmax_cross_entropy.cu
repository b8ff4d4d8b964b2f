#include "kernels/softmax_cross_entropy.h"

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/math.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/row_team.cuh"
#include "tensor/cuda/fault.h"

namespace divvy::kernels::cuda {

namespace {

using divvy::cuda::Fault;

/// The largest of a row, and the sum of the exponentials of the others' distances from it.
template <class T>
struct Scores {
  T max, sum;
};

template <class Team, class T>
__device__ Scores<T> scores_of(const Team& team, const T* x, int64_t cols) {
  T max = -Math::infinity<T>();
  for (int64_t c = team.first(); c < cols; c += team.step()) max = Maximum()(max, x[c]);
  max = team.reduce(max, -Math::infinity<T>(), Maximum());
  T sum = 0;
  for (int64_t c = team.first(); c < cols; c += team.step()) sum += Math::exp(x[c] - max);
  return {max, team.reduce(sum, T(0), Sum())};
}

template <class Team, class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_kernel(const T* x, const int64_t* label, int64_t rows, int64_t cols, Fault fault, T* loss) {
  const Team team;
  const int64_t row = team.row();
  if (row >= rows) return;  // whole teams at a time
  x += row * cols;
  const Scores<T> scores = scores_of(team, x, cols);
  if (team.first() > 0) return;
  const int64_t at = label[row];
  const bool there = at >= 0 && at < cols;
  if (!there) fault.raise();
  loss[row] = Math::log(scores.sum) - ((there ? x[at] : T(0)) - scores.max);
}

template <class Team, class T>
__global__ void __launch_bounds__(kThreads)
    cross_entropy_backward_kernel(const T* x, const int64_t* label, const T* dloss, int64_t rows, int64_t cols,
                                  Fault fault, T* dx) {
  const Team team;
  const int64_t row = team.row();
  if (row >= rows) return;
  x += row * cols;
  dx += row * cols;
  const Scores<T> scores = scores_of(team, x, cols);
  const int64_t at = label[row];
  const T upstream = dloss[row], scale = upstream / scores.sum;
  if (team.first() == 0 && (at < 0 || at >= cols)) fault.raise();
  for (int64_t c = team.first(); c < cols; c += team.step()) {
    dx[c] = Math::exp(x[c] - scores.max) * scale - (c == at ? upstream : T(0));
  }
}

constexpr const char* kFault = "softmax_cross_entropy: a label is out of range";

}  // namespace

void softmax_cross_entropy(const Tensor& x, const Tensor& label, Tensor& loss) {
  const int64_t rows = x.size(0), cols = x.size(1);
  if (rows == 0) return;
  visit_floating("softmax_cross_entropy", x.dtype(), [&]<class T>() {
    const auto run = [&]<class Team>(Team) {
      launch(grid_of_rows<Team>(x.device(), rows), cross_entropy_kernel<Team, T>, x.data<T>(), label.data<int64_t>(),
             rows, cols, divvy::cuda::fault(x.device().index, kFault), loss.mutable_data<T>());
    };
    cols > kLongRow ? run(BlockOfRow()) : run(WarpOfRow());
  });
}

void softmax_cross_entropy_backward(const Tensor& x, const Tensor& label, const Tensor& dloss, Tensor& dx) {
  const int64_t rows = x.size(0), cols = x.size(1);
  if (rows == 0) return;
  visit_floating("softmax_cross_entropy_backward", x.dtype(), [&]<class T>() {
    const auto run = [&]<class Team>(Team) {
      launch(grid_of_rows<Team>(x.device(), rows), cross_entropy_backward_kernel<Team, T>, x.data<T>(),
             label.data<int64_t>(), dloss.data<T>(), rows, cols, divvy::cuda::fault(x.device().index, kFault),
             dx.mutable_data<T>());
    };
    cols > kLongRow ? run(BlockOfRow()) : run(WarpOfRow());
  });
}

}  // namespace divvy::kernels::cuda
