#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <new>

#include "tensor/poison.h"

namespace divvy::kernels::cpu {

/// Memory that a task works in. Declared thread_local, one for each purpose, it is allocated once for each thread and
/// grows to the largest task; what is in it is whatever the task before left.
class Scratch {
 public:
  Scratch() = default;
  ~Scratch() { release(); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  /// At least `count` elements, aligned to 64 bytes; those of an earlier call are lost.
  template <class T>
  T* take(int64_t count) {
    const size_t bytes = (static_cast<size_t>(count) * sizeof(T) + 63) / 64 * 64;
    if (bytes > bytes_) {
      release();
      block_ = std::aligned_alloc(64, bytes);
      if (block_ == nullptr) throw std::bad_alloc();
      bytes_ = bytes;
    }
    const size_t used = static_cast<size_t>(count) * sizeof(T);
    divvy::detail::unpoison(block_, used);
    divvy::detail::poison(static_cast<std::byte*>(block_) + used, bytes_ - used);
    return static_cast<T*>(block_);
  }

 private:
  void release() {
    divvy::detail::unpoison(block_, bytes_);
    std::free(block_);
    block_ = nullptr;
    bytes_ = 0;
  }

  void* block_ = nullptr;
  size_t bytes_ = 0;
};

}  // namespace divvy::kernels::cpu
