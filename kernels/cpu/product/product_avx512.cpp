#if defined(__x86_64__)

#include "kernels/cpu/product/tile.h"

namespace divvy::kernels::cpu {

template <class T>
const ProductCode<T>& product_avx512() {
  static constexpr ProductCode<T> code = ProductTile<T, 64, 12>::code();
  return code;
}

template const ProductCode<float>& product_avx512();
template const ProductCode<double>& product_avx512();

}  // namespace divvy::kernels::cpu

#endif
