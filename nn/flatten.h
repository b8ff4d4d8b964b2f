#pragma once

#include "nn/module.h"

namespace divvy::nn {

/// Merges the axes from `from_axis` on into one: [N, C, H, W] to [N, C * H * W]. The result is a view.
class Flatten : public Rowwise {
 public:
  /// Throws ValueError for a negative axis.
  explicit Flatten(int from_axis = 1);

  Spec spec() const final { return from_axis_ == 1 ? Spec(FlattenSpec{}) : Spec(); }
  std::string describe() const override;

  int from_axis() const { return from_axis_; }

 protected:
  Variable apply(const Variable& x) final;

 private:
  int from_axis_;
};

}  // namespace divvy::nn
