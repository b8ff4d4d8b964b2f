#include "kernels/cpu/product/tile.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

template <class T>
const ProductCode<T>& product_code() {
  static constexpr ProductCode<T> code = ProductTile<T>::code();
  return code;
}

template const ProductCode<float>& product_code();
template const ProductCode<double>& product_code();

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
