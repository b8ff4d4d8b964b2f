#include "kernels/cast.h"

#include "kernels/convert.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void cast(const Tensor& x, Tensor& y) {
  visit_any(x.dtype(), [&]<class From>() {
    visit_any(y.dtype(), [&]<class To>() {
      const From* in = x.data<From>();
      To* out = y.mutable_data<To>();
      parallel_tiles(x.numel(), 16384, [=](int64_t begin, int64_t end) {
#pragma omp simd
        for (int64_t i = begin; i < end; ++i) out[i] = convert<To>(in[i]);
      });
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
