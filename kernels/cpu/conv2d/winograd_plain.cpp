#include "kernels/cpu/conv2d/winograd_tile.h"

namespace divvy::kernels::cpu {

template <class T>
const WinogradCode<T>& winograd_plain() {
  static constexpr WinogradCode<T> code = WinogradTile<T, 16>::code();
  return code;
}

template const WinogradCode<float>& winograd_plain();
template const WinogradCode<double>& winograd_plain();

}  // namespace divvy::kernels::cpu
