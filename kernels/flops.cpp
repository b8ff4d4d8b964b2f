#include "kernels/flops.h"

namespace divvy {

namespace {
thread_local FlopCounter* innermost = nullptr;
}

FlopCounter::FlopCounter() : outer_(innermost) { innermost = this; }
FlopCounter::~FlopCounter() { innermost = outer_; }

void count_flops(int64_t flops) {
  for (FlopCounter* counter = innermost; counter != nullptr; counter = counter->outer_) counter->flops_ += flops;
}

}  // namespace divvy
