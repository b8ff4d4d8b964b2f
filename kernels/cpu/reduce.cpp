#include "kernels/reduce.h"

#include <Eigen/Core>
#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <type_traits>

#include "kernels/cpu/reduce_tiles.h"
#include "kernels/cpu/simd/elementary.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/wide.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

using Piece = ReduceTiles::Piece;
template <class T>
using Run = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ConstRun = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;

constexpr int64_t kLanes = 16;

/// The sum of a run in double, with sixteen independent sums.
template <class T>
double sum_run(const T* values, int64_t count) {
  if (count < kLanes) return std::accumulate(values, values + count, 0.0);
  Eigen::Array<double, kLanes, 1> sums = Eigen::Array<double, kLanes, 1>::Zero();
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    sums += Eigen::Map<const Eigen::Array<T, kLanes, 1>>(values + i).template cast<double>();
  }
  for (int64_t lane = 0; i < count; ++i, ++lane) sums[lane] += static_cast<double>(values[i]);
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

struct Identity {};

/// Hands finish(i, sum) the sum of map(x, reduced) over the reduced axis, for each i of [outer, inner]; `reduced` holds
/// one number for each i. map(x, reduced, out) computes a run of at most kWidth elements; the `reduced` that it gets is
/// one number where the run lies along the reduced axis, else as many as the run has.
template <class T, class Map, class Finish>
void sum_mapped(const Tensor& x, const T* reduced, const Map& map, const Finish& finish) {
  const ReduceTiles tiles(x.shape());
  Tensor partial = Tensor::empty({tiles.outer, tiles.chunks, tiles.inner}, DType::f64);
  const T* in = x.data<T>();
  double* sums = partial.mutable_data<double>();
  tiles.for_pieces([&](const Piece& p) {
    T buffer[ReduceTiles::kWidth];
    const auto mapped = [&](const T* from, int64_t count, const auto& belonging) -> const T* {
      if constexpr (std::is_same_v<Map, Identity>) return from;
      Run<T> out(buffer, count);
      if constexpr (!std::is_same_v<Map, Identity>) map(ConstRun<T>(from, count), belonging, out);
      return buffer;
    };
    const T *from = in + tiles.at(p), *belonging = reduced + tiles.reduced_at(p);
    double* to = sums + tiles.partial_at(p);
    if (tiles.inner == 1) {
      const T own = *belonging;
      *to = 0;
      for (int64_t r = 0; r < p.rows; r += ReduceTiles::kWidth) {
        const int64_t count = std::min(ReduceTiles::kWidth, p.rows - r);
        *to += sum_run(mapped(from + r, count, own), count);
      }
    } else {
      Run<double> total(to, p.cols);
      total.setZero();
      for (int64_t r = 0; r < p.rows; ++r) {
        const T* values = mapped(from + r * tiles.inner, p.cols, ConstRun<T>(belonging, p.cols));
        total += ConstRun<T>(values, p.cols).template cast<double>();
      }
    }
  });
  tiles.for_results(sums, [&](int64_t i, const double* first, int64_t stride) {
    double sum = 0;
    for (int64_t chunk = 0; chunk < tiles.chunks; ++chunk) sum += first[chunk * stride];
    finish(i, sum);
  });
}

/// dx = map(x, reduced, dy), run by run; `reduced` and dy hold one number for each i of [outer, inner].
template <class T, class Map>
void spread(const Tensor& x, const T* reduced, const T* dy, Tensor& dx, const Map& map) {
  const ReduceTiles tiles(dx.shape());
  T* out = dx.mutable_data<T>();
  const T* in = x.data<T>();
  tiles.for_pieces([&](const Piece& p) {
    const T *from = in + tiles.at(p), *belonging = reduced + tiles.reduced_at(p), *upstream = dy + tiles.reduced_at(p);
    T* to = out + tiles.at(p);
    if (tiles.inner == 1) {
      const T own = *belonging, g = *upstream;
      Run<T> run(to, p.rows);
      map(ConstRun<T>(from, p.rows), own, g, run);
    } else {
      for (int64_t r = 0; r < p.rows; ++r) {
        Run<T> run(to + r * tiles.inner, p.cols);
        map(ConstRun<T>(from + r * tiles.inner, p.cols), ConstRun<T>(belonging, p.cols), ConstRun<T>(upstream, p.cols),
            run);
      }
    }
  });
}

/// The larger one; a NaN is larger than any number.
template <class T>
T larger(T a, T b) {
  return b > a || std::isnan(b) ? b : a;
}

/// What belongs to element i of a run: see sum_mapped.
template <class T>
T entry(const ConstRun<T>& values, Eigen::Index i) {
  return values[i];
}
template <class T>
T entry(T value, Eigen::Index) {
  return value;
}

/// Calls f(element) for the elements of `values`, of the sizes of x, that belong to result i of [outer, inner].
template <class T, class F>
void for_reduced(const Tensor& x, int64_t i, T* values, const F& f) {
  const int64_t reduce = x.size(1), inner = x.size(2);
  values += i / inner * reduce * inner + i % inner;
  for (int64_t r = 0; r < reduce; ++r) f(values[r * inner]);
}

/// f64 [outer, inner]: the sum of the squared distances from the rounded mean, and what the rounding took from the
/// mean. The latter is 0 where it is lost among the distances, so that ordinary results need no correction.
struct Distances {
  Tensor squares, lost;

  template <class T>
  static Distances of(const Tensor& x, const Tensor& mean) {
    Distances result{Tensor::empty(mean.shape(), DType::f64), Tensor::empty(mean.shape(), DType::f64)};
    const T* center = mean.data<T>();
    double *squares = result.squares.mutable_data<double>(), *lost = result.lost.mutable_data<double>();
    const auto square = [](const auto& x, const auto& mean, auto& out) { out = (x - mean).square(); };
    sum_mapped(x, center, square, [=](int64_t i, double sum) { squares[i] = sum; });
    const auto distance = [](const auto& x, const auto& mean, auto& out) { out = x - mean; };
    const auto count = static_cast<double>(x.size(1));
    sum_mapped(x, center, distance, [=](int64_t i, double sum) {
      constexpr double kLost = 0x1p-16;
      const double mean_distance = sum / count;
      lost[i] = mean_distance * mean_distance * count > kLost * kLost * squares[i] ? mean_distance : 0;
    });
    return result;
  }
};

double var_divisor(const Tensor& x, int64_t correction) {
  return static_cast<double>(std::max<int64_t>(x.size(1) - correction, 0));
}

}  // namespace

void reduce_sum(const Tensor& x, double divisor, Tensor& y) {
  visit_floating("reduce_sum", x.dtype(), [&]<class T>() {
    T* out = y.mutable_data<T>();
    // Identity reads nothing that belongs to a result; x is as good a pointer as any.
    sum_mapped(x, x.data<T>(), Identity(), [&x, out, divisor](int64_t i, double sum) {
      if (std::is_same_v<T, double> && !std::isfinite(sum)) {  // a part of the sum may be too large where all is not
        sum = 0;
        for_reduced(x, i, x.data<T>(), [&sum](T value) { sum += static_cast<double>(value) * 0x1p-64; });
        out[i] = static_cast<T>(sum / divisor * 0x1p64);
        return;
      }
      out[i] = static_cast<T>(sum / divisor);
    });
  });
}

void reduce_sum_backward(const Tensor& dy, double divisor, Tensor& dx) {
  visit_floating("reduce_sum_backward", dy.dtype(), [&]<class T>() {
    const T by = static_cast<T>(divisor);
    const T* upstream = dy.data<T>();
    spread(dx, upstream, upstream, dx, [by](const auto&, const auto&, const auto& g, auto& out) {
      if constexpr (std::is_arithmetic_v<std::decay_t<decltype(g)>>) {
        out.setConstant(g / by);
      } else {
        out = g / by;
      }
    });
  });
}

void reduce_max(const Tensor& x, Tensor& y) {
  visit_floating("reduce_max", x.dtype(), [&]<class T>() {
    const ReduceTiles tiles(x.shape());
    Tensor partial = Tensor::empty({tiles.outer, tiles.chunks, tiles.inner}, x.dtype());
    const T* in = x.data<T>();
    T *most = partial.mutable_data<T>(), *out = y.mutable_data<T>();
    tiles.for_pieces([&](const Piece& p) {
      const T* from = in + tiles.at(p);
      T* to = most + tiles.partial_at(p);
      if (tiles.inner == 1) {
        T lanes[kLanes];
        std::fill_n(lanes, kLanes, *from);
        for (int64_t r = 0; r < p.rows; r += kLanes) {
          const int64_t count = std::min(kLanes, p.rows - r);
          for (int64_t lane = 0; lane < count; ++lane) lanes[lane] = larger(lanes[lane], from[r + lane]);
        }
        *to = lanes[0];
        for (T lane : lanes) *to = larger(*to, lane);
      } else {
        std::copy_n(from, p.cols, to);
        for (int64_t r = 1; r < p.rows; ++r) {
          const T* row = from + r * tiles.inner;
          for (int64_t c = 0; c < p.cols; ++c) to[c] = larger(to[c], row[c]);
        }
      }
    });
    tiles.for_results(most, [&](int64_t i, const T* first, int64_t stride) {
      T max = *first;
      for (int64_t chunk = 1; chunk < tiles.chunks; ++chunk) max = larger(max, first[chunk * stride]);
      out[i] = max;
    });
  });
}

void reduce_max_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  visit_floating("reduce_max_backward", x.dtype(), [&]<class T>() {
    const T *max = y.data<T>(), *upstream = dy.data<T>();
    Tensor shares = Tensor::empty_like(dy);
    T* share = shares.mutable_data<T>();
    // Where the maximum is NaN, the NaNs are the maxima.
    const auto is_max = [](T x, T y) { return x == y || std::isnan(x); };
    const auto count = [&](const auto& x, const auto& y, auto& out) {
      for (Eigen::Index i = 0; i < x.size(); ++i) out[i] = is_max(x[i], entry(y, i)) ? T{1} : T{0};
    };
    sum_mapped(x, max, count, [=](int64_t i, double ties) { share[i] = upstream[i] / static_cast<T>(ties); });
    spread(x, max, share, dx, [&](const auto& x, const auto& y, const auto& g, auto& out) {
      for (Eigen::Index i = 0; i < x.size(); ++i) out[i] = is_max(x[i], entry(y, i)) ? entry(g, i) : T{0};
    });
  });
}

void reduce_argmax(const Tensor& x, Tensor& y) {
  visit_floating("reduce_argmax", x.dtype(), [&]<class T>() {
    const int64_t reduce = x.size(1), inner = x.size(2);
    const T* in = x.data<T>();
    int64_t* out = y.mutable_data<int64_t>();
    const int64_t tile = ReduceTiles::kElements / std::max<int64_t>(reduce, 1) + 1;
    parallel_tiles(y.numel(), tile, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T* first = in + i / inner * reduce * inner + i % inner;
        int64_t best = 0;
        T max = *first;
        for (int64_t r = 1; r < reduce && !std::isnan(max); ++r) {
          const T value = first[r * inner];
          if (value > max || std::isnan(value)) max = value, best = r;
        }
        out[i] = best;
      }
    });
  });
}

void reduce_logsumexp(const Tensor& x, Tensor& y) {
  visit_floating("reduce_logsumexp", x.dtype(), [&]<class T>() {
    T* out = y.mutable_data<T>();
    if (x.size(1) == 0) {
      std::fill_n(out, y.numel(), -std::numeric_limits<T>::infinity());
      return;
    }
    Tensor maxima = Tensor::empty_like(y);
    reduce_max(x, maxima);
    const T* max = maxima.data<T>();
    const auto map = [](const auto& x, const auto& max, auto& out) {
      out = x - max;
      exp_in_place(out.data(), out.size());
    };
    sum_mapped(x, max, map, [=](int64_t i, double sum) {
      out[i] = std::isfinite(max[i]) ? max[i] + static_cast<T>(std::log(sum)) : max[i];
    });
  });
}

void reduce_logsumexp_backward(const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  visit_floating("reduce_logsumexp_backward", x.dtype(), [&]<class T>() {
    const T *result = y.data<T>(), *upstream = dy.data<T>();
    const auto share = [](const auto& x, const auto& y, auto& out) {
      out = x - y;
      exp_in_place(out.data(), out.size());
      // Where every x is -inf, that was exp(-inf + inf) = NaN.
      constexpr T kNothing = -std::numeric_limits<T>::infinity();
      for (Eigen::Index i = 0; i < x.size(); ++i) out[i] = x[i] == kNothing ? T{0} : out[i];
    };
    // The shares add up to 1 only as far as y is exact, and the rounding of a large y is a large factor.
    const auto inexact = [](T y) { return std::isfinite(y) && std::abs(y) > T{100}; };
    Tensor scaled = dy;
    if (std::any_of(result, result + y.numel(), inexact)) {
      scaled = Tensor::empty_like(dy);
      T* to = scaled.mutable_data<T>();
      sum_mapped(x, result, share, [=](int64_t i, double sum) {
        to[i] = inexact(result[i]) ? static_cast<T>(static_cast<double>(upstream[i]) / sum) : upstream[i];
      });
    }
    const Tensor& cotangent = scaled;
    spread(x, result, cotangent.data<T>(), dx, [&share](const auto& x, const auto& y, const auto& g, auto& out) {
      share(x, y, out);
      out *= g;
    });
  });
}

void reduce_var(const Tensor& x, int64_t correction, Tensor& mean, Tensor& y) {
  reduce_sum(x, static_cast<double>(x.size(1)), mean);
  visit_floating("reduce_var", x.dtype(), [&]<class T>() {
    const Distances distances = Distances::of<T>(x, mean);
    const double divisor = var_divisor(x, correction), count = static_cast<double>(x.size(1));
    const double *squares = distances.squares.data<double>(), *lost = distances.lost.data<double>();
    const T* center = mean.data<T>();
    T* out = y.mutable_data<T>();
    parallel_tiles(y.numel(), ReduceTiles::kElements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        Wide<T> sum = squares[i] - count * lost[i] * lost[i];
        if (!std::isfinite(sum)) {  // a square may be too large for T where their mean is not
          Wide<T> drift = 0;
          sum = 0;
          for_reduced(x, i, x.data<T>(), [&](T value) {
            const Wide<T> distance = static_cast<Wide<T>>(value) - static_cast<Wide<T>>(center[i]);
            drift += distance;
            sum += distance * distance;
          });
          sum -= drift * drift / static_cast<Wide<T>>(count);
        }
        out[i] = static_cast<T>(sum / static_cast<Wide<T>>(divisor));
      }
    });
  });
}

void reduce_var_backward(const Tensor& x, const Tensor& mean, int64_t correction, const Tensor& dy, Tensor& dx) {
  visit_floating("reduce_var_backward", x.dtype(), [&]<class T>() {
    const Distances distances = Distances::of<T>(x, mean);
    const double* lost = distances.lost.data<double>();
    const T scale = static_cast<T>(2 / var_divisor(x, correction)), half = T(0.5);
    const T* upstream = dy.data<T>();
    // Halves, since the distance of two finite numbers can be infinite.
    spread(x, mean.data<T>(), upstream, dx, [=](const auto& x, const auto& mean, const auto& g, auto& out) {
      out = (x * half - mean * half) * (g * (2 * scale));
    });
    T* out = dx.mutable_data<T>();
    parallel_tiles(dy.numel(), ReduceTiles::kElements, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        if (lost[i] == 0 || !std::isfinite(lost[i])) continue;
        const T shift = static_cast<T>(lost[i]) * (upstream[i] * scale);
        for_reduced(x, i, out, [shift](T& value) { value -= shift; });
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
