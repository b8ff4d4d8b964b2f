#include "kernels/categorical.h"

#include <algorithm>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tensor/weighted_pick.h"

namespace divvy::kernels::cpu {

void categorical(const Tensor& probabilities, const Tensor& u, Tensor& classes) {
  visit_floating("categorical", probabilities.dtype(), [&]<class T>() {
    const int64_t rows = probabilities.size(0), count = probabilities.size(1);
    const T* p = probabilities.data<T>();
    const double* draw = u.data<double>();
    int64_t* picked = classes.mutable_data<int64_t>();
    parallel_tiles(rows, 16384 / std::max<int64_t>(1, count) + 1, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        picked[r] = weighted_pick(p + r * count, count, draw[r]);
        if (picked[r] < 0) fail<ValueError>("categorical: row {} is no distribution", r);
      }
    });
  });
}

}  // namespace divvy::kernels::cpu
