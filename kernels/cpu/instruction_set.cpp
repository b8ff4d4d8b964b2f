#include "kernels/cpu/instruction_set.h"

#include "tensor/error.h"

namespace divvy::kernels::cpu {

namespace {

InstructionSet widest() {
  if (machine_has(InstructionSet::avx512)) return InstructionSet::avx512;
  return machine_has(InstructionSet::avx2) ? InstructionSet::avx2 : InstructionSet::plain;
}

thread_local InstructionSet chosen = widest();

}  // namespace

const char* to_string(InstructionSet set) {
  switch (set) {
    case InstructionSet::plain: return "plain";
    case InstructionSet::avx2: return "AVX2";
    case InstructionSet::avx512: return "AVX-512";
  }
  return "";
}

bool machine_has(InstructionSet set) {
#if defined(__x86_64__)
  switch (set) {
    case InstructionSet::plain: return true;
    case InstructionSet::avx2: return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case InstructionSet::avx512:
      return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
             __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  }
  return false;
#else
  return set == InstructionSet::plain;
#endif
}

InstructionSet instruction_set() { return chosen; }

ForceInstructionSet::ForceInstructionSet(InstructionSet set) : before_(chosen) {
  if (!machine_has(set)) fail<ValueError>("this machine does not have {}", to_string(set));
  chosen = set;
}

ForceInstructionSet::~ForceInstructionSet() { chosen = before_; }

}  // namespace divvy::kernels::cpu
