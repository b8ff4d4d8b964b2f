#if defined(__x86_64__)

#include "kernels/cpu/conv2d/winograd_tile.h"

namespace divvy::kernels::cpu {

template <class T>
const WinogradCode<T>& winograd_avx512() {
  static constexpr WinogradCode<T> code = WinogradTile<T, 64>::code();
  return code;
}

template const WinogradCode<float>& winograd_avx512();
template const WinogradCode<double>& winograd_avx512();

}  // namespace divvy::kernels::cpu

#endif
