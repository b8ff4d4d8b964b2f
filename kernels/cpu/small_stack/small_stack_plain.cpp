#include "kernels/cpu/simd/lanes_plain.h"
#include "kernels/cpu/small_stack/tile.h"

namespace divvy::kernels::cpu {

const StackCode<float>& small_stack_plain_f32() {
  static constexpr StackCode<float> code = stack_code<PlainLanes<float>>();
  return code;
}

const StackCode<double>& small_stack_plain_f64() {
  static constexpr StackCode<double> code = stack_code<PlainLanes<double>>();
  return code;
}

}  // namespace divvy::kernels::cpu
