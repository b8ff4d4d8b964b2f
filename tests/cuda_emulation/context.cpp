#include "tests/cuda_emulation/context.h"

#include <cstdint>

#include "tensor/poison.h"

#ifdef DIVVY_ADDRESS_SANITIZER
#include <sanitizer/common_interface_defs.h>
#endif

// cuda_emulation_switch(void** left, void* to): puts the registers that a function has to keep on the stack, and that
// one's top into *left; then goes on with the stack `to`, which was left in the same way.
#if defined(__x86_64__)
asm(R"(
.text
.type cuda_emulation_switch, @function
cuda_emulation_switch:
  pushq %rbp
  pushq %rbx
  pushq %r12
  pushq %r13
  pushq %r14
  pushq %r15
  movq %rsp, (%rdi)
  movq %rsi, %rsp
  popq %r15
  popq %r14
  popq %r13
  popq %r12
  popq %rbx
  popq %rbp
  ret
.size cuda_emulation_switch, .-cuda_emulation_switch
)");
#elif defined(__aarch64__)
asm(R"(
.text
.type cuda_emulation_switch, %function
cuda_emulation_switch:
  sub sp, sp, #160
  stp x19, x20, [sp, #0]
  stp x21, x22, [sp, #16]
  stp x23, x24, [sp, #32]
  stp x25, x26, [sp, #48]
  stp x27, x28, [sp, #64]
  stp x29, x30, [sp, #80]
  stp d8, d9, [sp, #96]
  stp d10, d11, [sp, #112]
  stp d12, d13, [sp, #128]
  stp d14, d15, [sp, #144]
  mov x9, sp
  str x9, [x0]
  mov sp, x1
  ldp x19, x20, [sp, #0]
  ldp x21, x22, [sp, #16]
  ldp x23, x24, [sp, #32]
  ldp x25, x26, [sp, #48]
  ldp x27, x28, [sp, #64]
  ldp x29, x30, [sp, #80]
  ldp d8, d9, [sp, #96]
  ldp d10, d11, [sp, #112]
  ldp d12, d13, [sp, #128]
  ldp d14, d15, [sp, #144]
  add sp, sp, #160
  ret
.size cuda_emulation_switch, .-cuda_emulation_switch
)");
#else
#error "the emulation of CUDA knows how to switch between stacks on x86-64 and aarch64 alone"
#endif
extern "C" void cuda_emulation_switch(void** left, void* to);

namespace cuda_emulation {

namespace {

thread_local Context *from = nullptr, *running = nullptr;

}  // namespace

Context::Context(size_t stack_bytes, void (*work)())
    : own_(std::make_unique_for_overwrite<std::byte[]>(stack_bytes)),
      work_(work),
      stack_(own_.get()),
      bytes_(stack_bytes) {
  // As if begin() had been called, with return address 0, and left at its first instruction.
  const auto end = (reinterpret_cast<uintptr_t>(own_.get()) + stack_bytes) / 16 * 16;
#if defined(__x86_64__)
  constexpr size_t kSaved = 8, kReturn = 6;  // registers, begin, 0
#else
  constexpr size_t kSaved = 20, kReturn = 11;
#endif
  auto* words = reinterpret_cast<uintptr_t*>(end) - kSaved;
  for (size_t i = 0; i < kSaved; ++i) words[i] = 0;
  words[kReturn] = reinterpret_cast<uintptr_t>(&Context::begin);
  top_ = words;
}

void Context::begin() {
#ifdef DIVVY_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(nullptr, &from->stack_, &from->bytes_);
#endif
  running->work_();
}

void Context::switch_to(Context& other) {
  from = this;
  running = &other;
#ifdef DIVVY_ADDRESS_SANITIZER
  __sanitizer_start_switch_fiber(&hidden_, other.stack_, other.bytes_);
#endif
  cuda_emulation_switch(&top_, other.top_);
#ifdef DIVVY_ADDRESS_SANITIZER
  __sanitizer_finish_switch_fiber(hidden_, nullptr, nullptr);
#endif
}

}  // namespace cuda_emulation
