#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// The largest pixel of each window: [N, C, H, W] to [N, C, H', W'] with H' = (H - kernel) / stride + 1, rounded down.
/// The rows are read through segments.sample first, here and below.
class MaxPool2d : public Module {
 public:
  /// A stride of 0 stands for the kernel. Throws ValueError for a kernel below 1 and a negative stride.
  explicit MaxPool2d(int64_t kernel, int64_t stride = 0);

  Variable forward(const Variable& x, const Segments& segments) override;
  std::string describe() const override;

  int64_t kernel() const { return kernel_; }
  int64_t stride() const { return stride_; }

 private:
  int64_t kernel_, stride_;
};

/// The mean of each window.
class AvgPool2d : public Module {
 public:
  /// A stride of 0 stands for the kernel. Throws ValueError for a kernel below 1 and a negative stride.
  explicit AvgPool2d(int64_t kernel, int64_t stride = 0);

  Variable forward(const Variable& x, const Segments& segments) override;
  std::string describe() const override;

 private:
  int64_t kernel_, stride_;
};

/// The mean of each channel: [N, C, H, W] to [N, C].
class GlobalAvgPool2d : public Module {
 public:
  Variable forward(const Variable& x, const Segments& segments) override;
};

}  // namespace divvy::nn
