#include "kernels/unary.h"

#include "kernels/cpu/simd/elementary.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

using elementary::Math;

constexpr int64_t kTile = 16384;

// The pragmas say that the output may be an input itself but not a shifted one, so that the loops may use the vector
// units; for these, every call must be inlined into them.

template <class F, class T>
[[gnu::flatten]] void value_tile(const T* x, T* y, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) y[i] = F::template value<Math>(x[i]);
}

template <class F, class T>
[[gnu::flatten]] void derivative_tile(const T* x, const T* y, const T* dy, T* dx, int64_t begin, int64_t end) {
#pragma omp simd
  for (int64_t i = begin; i < end; ++i) dx[i] = dy[i] * F::template derivative<Math>(x[i], y[i]);
}

}  // namespace

void unary(const Unary& op, const Tensor& x, Tensor& y) {
  visit_floating(op.name, x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    elementwise::UnaryList::visit(op.index, [&]<class F>() {
      parallel_tiles(x.numel(), kTile, [=](int64_t begin, int64_t end) { value_tile<F>(in, out, begin, end); });
    });
  });
}

void unary_backward(const Unary& op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  visit_floating(op.name, dy.dtype(), [&]<class T>() {
    const T *in = x.data<T>(), *value = y.data<T>(), *upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    elementwise::UnaryList::visit(op.index, [&]<class F>() {
      parallel_tiles(dy.numel(), kTile,
                     [=](int64_t begin, int64_t end) { derivative_tile<F>(in, value, upstream, out, begin, end); });
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
