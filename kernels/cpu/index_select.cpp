#include "kernels/index_select.h"

#include <algorithm>

#include "kernels/cpu/target.h"
#include "kernels/rows.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kTile = 16384;

int64_t size_before(const Shape& shape, int axis) { return shape.range(0, shape.normalize_axis(axis)).numel(); }
int64_t size_after(const Shape& shape, int axis) { return shape.range(shape.normalize_axis(axis) + 1).numel(); }

}  // namespace

void index_select(const Tensor& x, int axis, const Tensor& index, Tensor& y) {
  if (y.numel() == 0) return;
  const int64_t inner = size_after(x.shape(), axis), size = x.size(axis), count = index.numel();
  const int64_t* from = index.data<int64_t>();
  visit_any(x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    parallel_tiles(y.numel() / inner, kTile / inner + 1, [&](int64_t begin, int64_t end) {
      for (int64_t row = begin; row < end; ++row) {
        std::copy_n(in + (row / count * size + from[row % count]) * inner, inner, out + row * inner);
      }
    });
  });
}

void index_select_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx) {
  const int64_t outer = size_before(dx.shape(), axis), inner = size_after(dx.shape(), axis);
  const int64_t size = dx.size(axis), count = index.numel();
  if (outer == 1) {
    Tensor rows = dx.reshape({size, inner});
    return scatter_add_rows(dy.reshape({count, inner}), index, rows);
  }
  visit_floating("index_select_backward", dy.dtype(), [&]<class T>() {
    const T* in = dy.data<T>();
    const int64_t* to = index.data<int64_t>();
    T* out = dx.mutable_data<T>();
    const int64_t part = size * inner;
    parallel_tiles(outer, kTile / (std::max(size, count) * inner + 1) + 1, [&](int64_t begin, int64_t end) {
      std::fill_n(out + begin * part, (end - begin) * part, T{0});
      for (int64_t row = begin * count; row < end * count; ++row) {
        T* sum = out + row / count * part + to[row % count] * inner;
        for (int64_t i = 0; i < inner; ++i) sum[i] += in[row * inner + i];
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
