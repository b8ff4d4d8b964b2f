#pragma once

#include <string_view>

namespace divvy::kernels {

/// The instruction sets for which the kernels of the CPU are compiled. A program runs on any machine of the
/// architecture, and chooses when it runs.
enum class InstructionSet { plain, avx2, avx512 };

std::string_view to_string(InstructionSet set);

/// Whether this machine has it: plain always; avx2 stands for AVX2 and FMA, avx512 for these and AVX-512's F, BW, DQ
/// and VL parts.
bool machine_has(InstructionSet set);

/// Whether the kernels were compiled for it: all are, unless the build names one in DIVVY_INSTRUCTION_SET.
bool is_compiled(InstructionSet set);

/// What the kernels use: the widest that was compiled and the machine has, or the one that the environment variable
/// DIVVY_INSTRUCTION_SET names. Throws ValueError where that names none, or one that is missing in the machine or in
/// the build.
InstructionSet instruction_set();

/// What the kernels that are called from now on use, in the whole process. Throws ValueError where it is missing in the
/// machine or in the build.
void set_instruction_set(InstructionSet set);

/// Units that multiply numbers of 16 bits (bf16) and sum in f32: AVX512_BF16 pairs of them, in vectors; AMX-BF16 whole
/// tiles.
enum class Bf16Unit { avx512, amx };
/// Whether this machine has it, and the operating system lets this process use it.
bool machine_has(Bf16Unit unit);

}  // namespace divvy::kernels
