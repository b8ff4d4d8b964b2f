#include "kernels/precision.h"

#include "kernels/instruction_set.h"

namespace divvy::kernels {

bool has_precision(Device device, Precision precision) {
  if (precision == Precision::f32 || !device.is_cpu()) return true;
  return precision == Precision::bf16 && instruction_set() == InstructionSet::avx512 && machine_has(Bf16Unit::avx512);
}

}  // namespace divvy::kernels
