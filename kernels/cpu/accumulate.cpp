#include "kernels/accumulate.h"

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void accumulate(const Tensor& x, Tensor& into) {
  visit_floating("accumulate", x.dtype(), [&]<class T>() {
    const T* from = x.data<T>();
    T* to = into.mutable_data<T>();
    parallel_tiles(x.numel(), 65536, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) to[i] += from[i];
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
