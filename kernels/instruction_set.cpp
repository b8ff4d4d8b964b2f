#include "kernels/instruction_set.h"

#include <atomic>
#include <cstdlib>

#if defined(__x86_64__)
#include <cpuid.h>
#endif
#if defined(__x86_64__) && defined(__linux__)
#include <sys/syscall.h>
#include <unistd.h>
#endif

#include "tensor/error.h"

#define DIVVY_TEXT_OF(name) #name
#define DIVVY_TEXT(macro) DIVVY_TEXT_OF(macro)  // of what the macro stands for

namespace divvy::kernels {

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

constexpr InstructionSet kSets[] = {InstructionSet::plain, InstructionSet::avx2, InstructionSet::avx512};

void require(InstructionSet set) {
  if (!machine_has(set)) fail<ValueError>("this machine does not have the instructions of {}", to_string(set));
  if (!is_compiled(set)) fail<ValueError>("this build has no kernels for the instructions of {}", to_string(set));
}

InstructionSet initial() {
  if (const char* name = std::getenv("DIVVY_INSTRUCTION_SET"); name != nullptr && *name != '\0') {
    for (const InstructionSet set : kSets) {
      if (to_string(set) != name) continue;
      require(set);
      return set;
    }
    fail<ValueError>("DIVVY_INSTRUCTION_SET: expects plain, avx2 or avx512, got \"{}\"", name);
  }
  InstructionSet widest = InstructionSet::plain;
  for (const InstructionSet set : kSets) {
    if (is_compiled(set) && (machine_has(set) || !is_compiled(widest))) widest = set;
  }
  require(widest);
  return widest;
}

std::atomic<InstructionSet>& chosen() {
  static std::atomic<InstructionSet> set{initial()};
  return set;
}

}  // namespace

std::string_view to_string(InstructionSet set) {
  switch (set) {
    case InstructionSet::plain: return "plain";
    case InstructionSet::avx2: return "avx2";
    case InstructionSet::avx512: return "avx512";
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

bool is_compiled(InstructionSet set) {
#if defined(DIVVY_ONLY_SET)
  return to_string(set) == DIVVY_TEXT(DIVVY_ONLY_SET);
#elif defined(__x86_64__)
  return static_cast<void>(set), true;
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

InstructionSet instruction_set() { return chosen().load(std::memory_order_relaxed); }

void set_instruction_set(InstructionSet set) {
  require(set);
  chosen() = set;
}

}  // namespace divvy::kernels
