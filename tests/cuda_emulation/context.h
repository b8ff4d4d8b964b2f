#pragma once

#include <cstddef>
#include <memory>

namespace cuda_emulation {

/// Where a thread of the machine can go on: on its own stack or on that of a fiber. The functions of <ucontext.h> make
/// two system calls for each switch, which took three quarters of the time of a test.
class Context {
 public:
  /// The one in which the thread runs now.
  Context() = default;
  /// A fiber, in which `work` begins when somebody switches to it. It must never return.
  Context(size_t stack_bytes, void (*work)());
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;

  /// Leaves this context, in which the thread runs, for another one of the same thread. Returns when somebody switches
  /// back.
  void switch_to(Context& other);

 private:
  static void begin();

  std::unique_ptr<std::byte[]> own_;
  void* top_ = nullptr;  ///< of the stack while the context is left, where the registers lie
  void (*work_)() = nullptr;
  // What the address sanitizer has to be told.
  const void* stack_ = nullptr;
  [[maybe_unused]] size_t bytes_ = 0;
  [[maybe_unused]] void* hidden_ = nullptr;
};

}  // namespace cuda_emulation
