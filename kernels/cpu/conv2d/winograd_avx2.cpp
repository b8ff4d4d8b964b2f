#if defined(__x86_64__)

#include "kernels/cpu/conv2d/winograd_tile.h"

namespace divvy::kernels::cpu {

template <class T>
const WinogradCode<T>& winograd_avx2() {
  static constexpr WinogradCode<T> code = WinogradTile<T, 32>::code();
  return code;
}

template const WinogradCode<float>& winograd_avx2();
template const WinogradCode<double>& winograd_avx2();

}  // namespace divvy::kernels::cpu

#endif
