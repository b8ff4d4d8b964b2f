#include "kernels/index_select.h"

#include "kernels/cuda/add_rows.cuh"
#include "kernels/cuda/gather.cuh"

namespace divvy::kernels::cuda {

namespace {

struct Parts {
  Parts(const Shape& x, int axis)
      : outer(x.range(0, x.normalize_axis(axis)).numel()),
        size(x[axis]),
        inner(x.range(x.normalize_axis(axis) + 1).numel()) {}
  int64_t outer, size, inner;
};

}  // namespace

void index_select(const Tensor& x, int axis, const Tensor& index, Tensor& y) {
  if (y.numel() == 0) return;
  const Parts parts(x.shape(), axis);
  const auto fault = divvy::cuda::fault(x.device().index, "index_select: an index is out of range");
  if (parts.inner > 1 || parts.outer == 1) {
    return select_rows(x, parts.outer, parts.size, parts.inner * size_of(x.dtype()), index, y, fault);
  }
  visit_any(x.dtype(), [&]<class T>() {
    using Word = std::conditional_t<std::is_same_v<T, bf16>, uint16_t, T>;
    for_rows(x.device(), parts.outer, index.numel(),
             SelectLast<Word>{reinterpret_cast<const Word*>(x.bytes()), index.data<int64_t>(),
                              reinterpret_cast<Word*>(y.mutable_bytes()), parts.size, index.numel(), 0, fault});
  });
}

void index_select_backward(const Tensor& dy, int axis, const Tensor& index, Tensor& dx) {
  if (dx.numel() == 0) return;
  const Parts parts(dx.shape(), axis);
  const auto fault = divvy::cuda::fault(dx.device().index, "index_select_backward: an index is out of range");
  if (parts.inner > 1 || parts.outer == 1) return add_rows(dy, parts.outer, index, parts.size, fault, dx);
  visit_floating("index_select_backward", dy.dtype(), [&]<class T>() {
    Tensor rows = dx.reshape({parts.outer, parts.size});
    add_last<T>(dy, index, index.numel(), 0, fault, rows);
  });
}

}  // namespace divvy::kernels::cuda
