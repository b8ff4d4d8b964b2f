#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// The largest pixel of each window: [N, C, H, W] to [N, C, H', W'] with H' = (H - kernel) / stride + 1, rounded down.
class MaxPool2d : public Rowwise {
 public:
  /// A stride of 0 stands for the kernel. Throws ValueError for a kernel below 1 and a negative stride.
  explicit MaxPool2d(int64_t kernel, int64_t stride = 0);

  Spec spec() const final { return MaxPool2dSpec{{kernel_, stride_}}; }
  std::string describe() const override;

  int64_t kernel() const { return kernel_; }
  int64_t stride() const { return stride_; }

 protected:
  Variable apply(const Variable& x) final;

 private:
  int64_t kernel_, stride_;
};

/// The mean of each window.
class AvgPool2d : public Rowwise {
 public:
  /// A stride of 0 stands for the kernel. Throws ValueError for a kernel below 1 and a negative stride.
  explicit AvgPool2d(int64_t kernel, int64_t stride = 0);

  std::string describe() const override;

 protected:
  Variable apply(const Variable& x) override;

 private:
  int64_t kernel_, stride_;
};

/// The mean of each channel: [N, C, H, W] to [N, C].
class GlobalAvgPool2d : public Rowwise {
 protected:
  Variable apply(const Variable& x) override;
};

}  // namespace divvy::nn
