#include "kernels/cpu/product/tile.h"

namespace divvy::kernels::cpu {

template <class T>
const ProductCode<T>& product_plain() {
  static constexpr ProductCode<T> code = ProductTile<T, 16, 4>::code();
  return code;
}

template const ProductCode<float>& product_plain();
template const ProductCode<double>& product_plain();

}  // namespace divvy::kernels::cpu
