#pragma once

#include <cstdint>

namespace divvy {

/// Counts the floating-point operations of the products and convolutions that run on this thread while it lives: two
/// for each multiply-add, nothing for element-wise work. Counters may nest; each counts all that runs within it.
class FlopCounter {
 public:
  FlopCounter();
  ~FlopCounter();
  FlopCounter(const FlopCounter&) = delete;
  FlopCounter& operator=(const FlopCounter&) = delete;
  int64_t flops() const { return flops_; }

 private:
  friend void count_flops(int64_t);
  int64_t flops_ = 0;
  FlopCounter* outer_;
};

/// Called by the public kernels of products and convolutions with what they are about to compute.
void count_flops(int64_t flops);

}  // namespace divvy
