#include "kernels/reduce.h"

#include <algorithm>
#include <type_traits>
#include <utility>

#include "kernels/binary.h"
#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/math.cuh"
#include "kernels/cuda/reduce_block.cuh"
#include "kernels/cuda/reduce_middle.cuh"

namespace divvy::kernels::cuda {

namespace {

// --- Sums, in double -------------------------------------------------------------------------------------------------

struct Itself {
  template <class T>
  __device__ T operator()(T x, int64_t) const {
    return x;
  }
};

/// Where the maximum is NaN, the NaNs are the maxima.
struct IsMaximum {
  template <class T>
  __device__ bool operator()(T x, T max) const {
    return x == max || Math::is_nan(x);
  }
};

template <class T>
struct CountOfMaxima {
  const T* max;
  __device__ T operator()(T x, int64_t i) const { return IsMaximum()(x, max[i]) ? T(1) : T(0); }
};

/// y[i] = sum / divisor.
template <class T>
struct Divided {
  double divisor;
  T* y;
  __device__ void operator()(int64_t i, double sum) const { y[i] = static_cast<T>(sum / divisor); }
};

/// Hands finish(i, sum) the sum of map(x, i) over the elements x of result i.
template <class T, class Map, class Finish>
struct SumOf {
  using Acc = double;
  static constexpr int kUnroll = 4;
  Map map;
  Finish write;
  __device__ double start() const { return 0; }
  __device__ void take(double& acc, T x, int64_t, int64_t i) const { acc += static_cast<double>(map(x, i)); }
  __device__ double merge(double a, double b) const { return a + b; }
  __device__ void finish(int64_t i, double sum) const { write(i, sum); }
};

template <class T, class Map, class Finish>
void sum_of(const Tensor& x, const Map& map, const Finish& finish) {
  reduce_middle<T>(x, SumOf<T, Map, Finish>{map, finish});
}

/// A sum, and 2^-64 of it for f64, of which a part may be infinite where the whole is not.
struct ScaledSum {
  double sum, scaled;
};

__device__ inline ScaledSum shuffle_xor(ScaledSum part, int lanes) {
  return {cuda::shuffle_xor(part.sum, lanes), cuda::shuffle_xor(part.scaled, lanes)};
}

struct ScaledSumOf {
  using Acc = ScaledSum;
  static constexpr int kUnroll = 4;
  double divisor;
  double* y;
  __device__ Acc start() const { return {0, 0}; }
  __device__ void take(Acc& acc, double x, int64_t, int64_t) const {
    acc.sum += x;
    acc.scaled += x * 0x1p-64;
  }
  __device__ Acc merge(Acc a, Acc b) const { return {a.sum + b.sum, a.scaled + b.scaled}; }
  __device__ void finish(int64_t i, Acc all) const {
    y[i] = isfinite(all.sum) ? all.sum / divisor : all.scaled / divisor * 0x1p64;
  }
};

/// The sums of the distances from the rounded mean and of their squares, for finish(i, distances, squares).
struct Distances {
  double sum, squares;
};

__device__ inline Distances shuffle_xor(Distances part, int lanes) {
  return {cuda::shuffle_xor(part.sum, lanes), cuda::shuffle_xor(part.squares, lanes)};
}

template <class T, class Finish>
struct DistancesOf {
  using Acc = Distances;
  static constexpr int kUnroll = 4;
  const T* mean;
  Finish write;
  __device__ Acc start() const { return {0, 0}; }
  __device__ void take(Acc& acc, T x, int64_t, int64_t i) const {
    const double distance = static_cast<double>(x) - static_cast<double>(mean[i]);
    acc.sum += distance;
    acc.squares += distance * distance;
  }
  __device__ Acc merge(Acc a, Acc b) const { return {a.sum + b.sum, a.squares + b.squares}; }
  __device__ void finish(int64_t i, Acc all) const { write(i, all); }
};

/// y[i] = the variance, less what the rounding of the mean added.
template <class T>
struct VarianceOf {
  double count, divisor;
  T* y;
  __device__ void operator()(int64_t i, Distances all) const {
    y[i] = static_cast<T>((all.squares - all.sum * (all.sum / count)) / divisor);
  }
};

/// lost[i] = what the rounding took from the mean.
template <class T>
struct LostOf {
  double count;
  T* lost;
  __device__ void operator()(int64_t i, Distances all) const { lost[i] = static_cast<T>(all.sum / count); }
};

// --- Maxima ----------------------------------------------------------------------------------------------------------

template <class T>
struct MaximumOf {
  using Acc = T;
  static constexpr int kUnroll = 4;
  T* y;
  __device__ T start() const { return -Math::infinity<T>(); }
  __device__ void take(T& acc, T x, int64_t, int64_t) const { acc = Maximum()(acc, x); }
  __device__ T merge(T a, T b) const { return Maximum()(a, b); }
  __device__ void finish(int64_t i, T max) const { y[i] = max; }
};

template <class T>
struct Best {
  T value;
  int64_t index;  ///< -1: none yet
};

template <class T>
__device__ Best<T> shuffle_xor(Best<T> best, int lanes) {
  return {cuda::shuffle_xor(best.value, lanes), cuda::shuffle_xor(best.index, lanes)};
}

/// The index of the first of the largest; a NaN is larger than any number.
template <class T>
struct ArgMaximumOf {
  using Acc = Best<T>;
  static constexpr int kUnroll = 1;
  int64_t* y;
  __device__ Acc start() const { return {-Math::infinity<T>(), -1}; }
  __device__ void take(Acc& acc, T x, int64_t r, int64_t) const { acc = merge(acc, {x, r}); }
  __device__ Acc merge(Acc a, Acc b) const {
    if (a.index < 0 || b.index < 0) return a.index < 0 ? b : a;
    const bool nan = Math::is_nan(a.value), other_nan = Math::is_nan(b.value);
    if (nan != other_nan) return nan ? a : b;
    if (!nan && a.value != b.value) return a.value > b.value ? a : b;
    return a.index < b.index ? a : b;
  }
  __device__ void finish(int64_t i, Acc best) const { y[i] = best.index; }
};

/// The sum of exp(x - max) with the largest x so far.
template <class T>
struct ExpSum {
  T max;
  double sum;
};

template <class T>
__device__ ExpSum<T> shuffle_xor(ExpSum<T> part, int lanes) {
  return {cuda::shuffle_xor(part.max, lanes), cuda::shuffle_xor(part.sum, lanes)};
}

template <class T>
struct LogSumExpOf {
  using Acc = ExpSum<T>;
  static constexpr int kUnroll = 1;
  T* y;
  __device__ Acc start() const { return {-Math::infinity<T>(), 0}; }
  __device__ void take(Acc& acc, T x, int64_t, int64_t) const {
    if (x == -Math::infinity<T>() || Math::is_nan(acc.max)) return;
    if (x <= acc.max) {
      acc.sum += static_cast<double>(Math::exp(x - acc.max));
    } else {  // or x is NaN, which stays
      acc = {x, acc.sum * Math::exp(static_cast<double>(acc.max) - static_cast<double>(x)) + 1};
    }
  }
  __device__ Acc merge(Acc a, Acc b) const {
    const T max = Maximum()(a.max, b.max);
    if (max == -Math::infinity<T>()) return {max, 0};
    if (a.max < b.max) std::swap(a, b);
    return {max, a.sum + b.sum * Math::exp(static_cast<double>(b.max) - static_cast<double>(a.max))};
  }
  __device__ void finish(int64_t i, Acc all) const {
    y[i] = isfinite(all.max) ? all.max + static_cast<T>(Math::log(all.sum)) : all.max;
  }
};

// --- Gradients: every element from the numbers of its result ---------------------------------------------------------

template <class T>
struct Quotient {
  T divisor;
  __device__ T operator()(T dy) const { return dy / divisor; }
};

struct ShareOfMaximum {
  template <class T>
  __device__ T operator()(T x, T max, T share) const {
    return IsMaximum()(x, max) ? share : T(0);
  }
};

struct Softmax {
  template <class T>
  __device__ T operator()(T x, T y, T dy) const {
    return x == -Math::infinity<T>() ? T(0) : dy * Math::exp(x - y);
  }
};

template <class T>
struct ShareOf {
  const T* y;
  __device__ T operator()(T x, int64_t i) const { return Softmax()(x, y[i], T(1)); }
};

/// The shares add up to 1 only as far as y is exact, and the rounding of a large y is a large factor.
template <class T>
struct DividedBySum {
  const T *y, *dy;
  T* scaled;
  __device__ void operator()(int64_t i, double sum) const {
    const bool inexact = isfinite(y[i]) && (y[i] > T(100) || y[i] < T(-100));
    scaled[i] = inexact ? static_cast<T>(static_cast<double>(dy[i]) / sum) : dy[i];
  }
};

/// Of halves, since the distance of two finite numbers can be infinite.
template <class T>
struct Deviation {
  T scale;
  __device__ T operator()(T x, T mean, T lost, T dy) const {
    const T half = T(0.5);
    return (x * half - mean * half - lost * half) * (dy * (2 * scale));
  }
};

/// dx = f(x, reduced, dy), with reduced and dy of [outer, inner].
template <class T, class F>
void spread(const Tensor& x, const Tensor& reduced, const Tensor& dy, Tensor& dx, const F& f) {
  const Shape one = dx.shape().with(1, 1);
  broadcast_map(dx.device(), dx.shape(), f, dx.mutable_data<T>(), Operand<T>{x.data<T>(), x.shape()},
                Operand<T>{reduced.data<T>(), one}, Operand<T>{dy.data<T>(), one});
}

double var_divisor(const Tensor& x, int64_t correction) {
  return static_cast<double>(std::max<int64_t>(x.size(1) - correction, 0));
}

}  // namespace

void reduce_sum(const Tensor& x, double divisor, Tensor& y) {
  visit_floating("reduce_sum", x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, double>) {
      reduce_middle<T>(x, ScaledSumOf{divisor, y.mutable_data<T>()});
    } else {
      sum_of<T>(x, Itself(), Divided<T>{divisor, y.mutable_data<T>()});
    }
  });
}

void reduce_sum_backward(const Tensor& dy, double divisor, Tensor& dx) {
  visit_floating("reduce_sum_backward", dy.dtype(), [&]<class T>() {
    broadcast_map(dx.device(), dx.shape(), Quotient<T>{static_cast<T>(divisor)}, dx.mutable_data<T>(),
                  Operand<T>{dy.data<T>(), dx.shape().with(1, 1)});
  });
}

void reduce_max(const Tensor& x, Tensor& y) {
  visit_floating("reduce_max", x.dtype(), [&]<class T>() { reduce_middle<T>(x, MaximumOf<T>{y.mutable_data<T>()}); });
}

void reduce_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  visit_floating("reduce_max_backward", x.dtype(), [&]<class T>() {
    Tensor shares = Tensor::empty_like(dy);
    sum_of<T>(x, CountOfMaxima<T>{y.data<T>()}, Divided<T>{1, shares.mutable_data<T>()});
    cuda::binary(elementwise::Div(), dy, shares, shares);
    spread<T>(x, y, shares, dx, ShareOfMaximum());
  });
}

void reduce_argmax(const Tensor& x, Tensor& y) {
  visit_floating("reduce_argmax", x.dtype(),
                 [&]<class T>() { reduce_middle<T>(x, ArgMaximumOf<T>{y.mutable_data<int64_t>()}); });
}

void reduce_logsumexp(const Tensor& x, Tensor& y) {
  visit_floating("reduce_logsumexp", x.dtype(),
                 [&]<class T>() { reduce_middle<T>(x, LogSumExpOf<T>{y.mutable_data<T>()}); });
}

void reduce_logsumexp_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  visit_floating("reduce_logsumexp_backward", x.dtype(), [&]<class T>() {
    Tensor scaled = Tensor::empty_like(dy);
    sum_of<T>(x, ShareOf<T>{y.data<T>()}, DividedBySum<T>{y.data<T>(), dy.data<T>(), scaled.mutable_data<T>()});
    spread<T>(x, y, scaled, dx, Softmax());
  });
}

void reduce_var(const Tensor& x, int64_t correction, Tensor& mean, Tensor& y) {
  reduce_sum(x, static_cast<double>(x.size(1)), mean);
  visit_floating("reduce_var", x.dtype(), [&]<class T>() {
    const VarianceOf<T> variance{static_cast<double>(x.size(1)), var_divisor(x, correction), y.mutable_data<T>()};
    reduce_middle<T>(x, DistancesOf<T, VarianceOf<T>>{mean.data<T>(), variance});
  });
}

void reduce_var_backward(const Tensor& x, const Tensor& mean, int64_t correction, const Tensor& dy, Tensor& dx) {
  visit_floating("reduce_var_backward", x.dtype(), [&]<class T>() {
    Tensor lost = Tensor::empty_like(mean);
    const LostOf<T> to{static_cast<double>(x.size(1)), lost.mutable_data<T>()};
    reduce_middle<T>(x, DistancesOf<T, LostOf<T>>{mean.data<T>(), to});
    const Shape one = dx.shape().with(1, 1);
    broadcast_map(dx.device(), dx.shape(), Deviation<T>{static_cast<T>(2 / var_divisor(x, correction))},
                  dx.mutable_data<T>(), Operand<T>{x.data<T>(), x.shape()}, Operand<T>{mean.data<T>(), one},
                  Operand<T>{lost.data<T>(), one}, Operand<T>{dy.data<T>(), one});
  });
}

}  // namespace divvy::kernels::cuda
