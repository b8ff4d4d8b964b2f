#include "tensor/denormals.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace divvy {

namespace {

void set_on_this_thread([[maybe_unused]] bool on) {
#if defined(__x86_64__)
  constexpr unsigned kFlushToZero = 0x8000, kDenormalsAreZero = 0x0040;
  const unsigned mode = _mm_getcsr() & ~(kFlushToZero | kDenormalsAreZero);
  _mm_setcsr(on ? mode | kFlushToZero | kDenormalsAreZero : mode);
#endif
}

}  // namespace

void flush_denormals(bool on) {
  // A new thread inherits the mode of its creator, so the calling thread is set first.
  set_on_this_thread(on);
#pragma omp parallel
  set_on_this_thread(on);
}

}  // namespace divvy
