#if defined(__x86_64__)

#include "kernels/cpu/simd/lanes_avx512.h"
#include "kernels/cpu/small_stack/pixels.h"
#include "kernels/cpu/small_stack/tile.h"

namespace divvy::kernels::cpu {

const StackCode<float>& small_stack_avx512() {
  static constexpr StackCode<float> code = stack_code<Avx512Lanes>();
  return code;
}

}  // namespace divvy::kernels::cpu

#endif
