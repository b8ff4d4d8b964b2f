#pragma once

#include <vector>

#include "kernels/instruction_set.h"

namespace divvy::test {

/// The instruction sets that both this machine and this build support.
inline std::vector<kernels::InstructionSet> instruction_sets() {
  using kernels::InstructionSet;
  std::vector<InstructionSet> sets;
  for (const auto set : {InstructionSet::plain, InstructionSet::avx2, InstructionSet::avx512}) {
    if (kernels::machine_has(set) && kernels::is_compiled(set)) sets.push_back(set);
  }
  return sets;
}

/// Switches the kernels to another instruction set during its lifetime.
class WithInstructionSet {
 public:
  explicit WithInstructionSet(kernels::InstructionSet set) : before_(kernels::instruction_set()) {
    kernels::set_instruction_set(set);
  }
  ~WithInstructionSet() { kernels::set_instruction_set(before_); }
  WithInstructionSet(const WithInstructionSet&) = delete;
  WithInstructionSet& operator=(const WithInstructionSet&) = delete;

 private:
  kernels::InstructionSet before_;
};

}  // namespace divvy::test
