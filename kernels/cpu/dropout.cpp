#include "kernels/dropout.h"

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void dropout(const Tensor& x, const Tensor& keep, double scale, Tensor& y) {
  visit_floating("dropout", x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    const uint8_t* kept = keep.data<uint8_t>();
    T* out = y.mutable_data<T>();
    const T factor = static_cast<T>(scale);
    parallel_tiles(x.numel(), 16384, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const T scaled = in[i] * factor;
        out[i] = kept[i] != 0 ? scaled : T(0);
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
