#if defined(__x86_64__)

#include "kernels/cpu/product/tile.h"

namespace divvy::kernels::cpu {

template <class T>
const ProductCode<T>& product_avx2() {
  static constexpr ProductCode<T> code = ProductTile<T, 32, 6>::code();
  return code;
}

template const ProductCode<float>& product_avx2();
template const ProductCode<double>& product_avx2();

}  // namespace divvy::kernels::cpu

#endif
