#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// The axes from `from_axis` on as one: [N, C, H, W] to [N, C * H * W]. A view. The rows are read through
/// segments.sample first.
class Flatten : public Module {
 public:
  /// Throws ValueError for a negative axis.
  explicit Flatten(int from_axis = 1);

  Variable forward(const Variable& x, const Segments& segments) override;
  std::string describe() const override;

  int from_axis() const { return from_axis_; }

 private:
  int from_axis_;
};

}  // namespace divvy::nn
