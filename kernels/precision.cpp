#include "kernels/precision.h"

#include <atomic>

#include "kernels/instruction_set.h"

namespace divvy {

std::string_view to_string(Precision precision) {
  switch (precision) {
    case Precision::f32: return "f32";
    case Precision::tf32: return "tf32";
    case Precision::bf16: return "bf16";
  }
  return "";
}

namespace kernels {

namespace {
std::atomic<Precision> chosen{Precision::f32};
}

void set_product_precision(Precision precision) { chosen = precision; }
Precision product_precision() { return chosen; }

bool has_precision(Device device, Precision precision) {
  if (precision == Precision::f32 || !device.is_cpu()) return true;
  return precision == Precision::bf16 && instruction_set() == InstructionSet::avx512 && machine_has(Bf16Unit::avx512);
}

}  // namespace kernels
}  // namespace divvy
