#pragma once

namespace divvy::kernels::cpu {

/// The instruction sets for which some kernels exist several times. The program is built for any machine of the
/// architecture (DIVVY_NATIVE aside); which of these kernels run is decided when it runs.
enum class InstructionSet { plain, avx2, avx512 };

const char* to_string(InstructionSet set);

/// Whether this machine has it: plain always; avx2 stands for AVX2 and FMA, avx512 for its F, BW, DQ and VL parts.
bool machine_has(InstructionSet set);

/// Units that multiply numbers of 16 bits (bf16) and sum in f32: AVX512_BF16 pairs of them, in vectors; AMX-BF16 whole
/// tiles.
enum class Bf16Unit { avx512, amx };
/// Whether this machine has it, and the operating system lets this process use it.
bool machine_has(Bf16Unit unit);

/// What kernels are to use: the widest that the machine has, unless one is forced.
InstructionSet instruction_set();

/// While one lives, kernels called from this thread use `set`. For tests and benchmarks. Throws ValueError where the
/// machine does not have it.
class ForceInstructionSet {
 public:
  explicit ForceInstructionSet(InstructionSet set);
  ~ForceInstructionSet();
  ForceInstructionSet(const ForceInstructionSet&) = delete;
  ForceInstructionSet& operator=(const ForceInstructionSet&) = delete;

 private:
  InstructionSet before_;
};

}  // namespace divvy::kernels::cpu
