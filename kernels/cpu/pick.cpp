#include "kernels/pick.h"

#include <algorithm>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void pick(const Tensor& x, const Tensor& index, Tensor& y) {
  visit_floating("pick", x.dtype(), [&]<class T>() {
    const int64_t cols = x.shape().cols();
    const T* in = x.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* out = y.mutable_data<T>();
    parallel_tiles(y.numel(), 16384, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) out[r] = in[r * cols + at[r]];
    });
  });
}

void pick_backward(const Tensor& index, const Tensor& dy, Tensor& dx) {
  visit_floating("pick_backward", dy.dtype(), [&]<class T>() {
    const int64_t cols = dx.shape().cols();
    const T* upstream = dy.data<T>();
    const int64_t* at = index.data<int64_t>();
    T* out = dx.mutable_data<T>();
    parallel_tiles(dy.numel(), 16384 / std::max<int64_t>(cols, 1) + 1, [&](int64_t begin, int64_t end) {
      std::fill_n(out + begin * cols, (end - begin) * cols, T{0});
      for (int64_t r = begin; r < end; ++r) out[r * cols + at[r]] = upstream[r];
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
