#include "kernels/cpu/simd/instruction_set.h"

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "tensor/error.h"

namespace divvy::kernels::cpu {

namespace {

#if defined(__x86_64__)
/// Whether the processor says so in leaf 7 of CPUID: bit `bit` of EAX of sub-leaf 1, or of EDX of sub-leaf 0.
bool has_feature(unsigned subleaf, int bit) {
  unsigned a = 0, b = 0, c = 0, d = 0;
  return __get_cpuid_count(7, subleaf, &a, &b, &c, &d) != 0 && ((subleaf == 1 ? a : d) >> bit & 1) != 0;
}

/// The registers of AMX are large, so a process asks for the use of them.
bool allowed_tiles() {
#if defined(__linux__)
  constexpr long kRequestFeature = 0x1023, kTileData = 18;
  return syscall(SYS_arch_prctl, kRequestFeature, kTileData) == 0;
#else
  return false;
#endif
}
#endif

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

bool machine_has(Bf16Unit unit) {
#if defined(__x86_64__)
  static const bool pairs = machine_has(InstructionSet::avx512) && has_feature(1, 5);
  static const bool tiles = pairs && has_feature(0, 24) && has_feature(0, 22) && allowed_tiles();
  return unit == Bf16Unit::amx ? tiles : pairs;
#else
  static_cast<void>(unit);
  return false;
#endif
}

InstructionSet instruction_set() { return chosen; }

ForceInstructionSet::ForceInstructionSet(InstructionSet set) : before_(chosen) {
  if (!machine_has(set)) fail<ValueError>("this machine does not have {}", to_string(set));
  chosen = set;
}

ForceInstructionSet::~ForceInstructionSet() { chosen = before_; }

}  // namespace divvy::kernels::cpu
