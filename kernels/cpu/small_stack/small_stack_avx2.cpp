#if defined(__x86_64__)

#include "kernels/cpu/simd/lanes_avx2.h"
#include "kernels/cpu/small_stack/tile.h"

namespace divvy::kernels::cpu {

const StackCode<float>& small_stack_avx2() {
  static constexpr StackCode<float> code = stack_code<Avx2Lanes>();
  return code;
}

}  // namespace divvy::kernels::cpu

#endif
