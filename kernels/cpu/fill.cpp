#include "kernels/fill.h"

#include <algorithm>

#include "kernels/convert.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void fill(Tensor& y, double value) {
  visit_any(y.dtype(), [&]<class T>() {
    T* out = y.mutable_data<T>();
    const T element = convert<T>(value);
    parallel_tiles(y.numel(), 65536, [=](int64_t begin, int64_t end) { std::fill(out + begin, out + end, element); });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
