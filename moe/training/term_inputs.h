#pragma once

#include <any>
#include <typeindex>
#include <unordered_map>

#include "moe/model/model.h"

namespace divvy::moe {

/// Euclidean distances [B, B] between the flattened samples x [B, ...], divided by the greatest one; all 0 for a batch
/// of equal samples. With `features`, distances between the rows of features(x), which is evaluated in its current mode
/// and without gradients.
Tensor normalized_distance(const Tensor& x, nn::Module* features = nullptr);

/// The inputs of the terms of an objective for one batch: the forward pass, the supervision, and values computed from
/// them. A value that several terms share is computed at its first use.
class TermInputs {
 public:
  /// The arguments must outlive this object. distances() are those of `features`, or of the samples themselves if it is
  /// null.
  TermInputs(const Forward& forward, const Supervision& known, nn::Module* features = nullptr)
      : forward_(forward), known_(known), features_(features) {}

  const Forward& forward() const { return forward_; }
  const Supervision& known() const { return known_; }
  /// Distances between samples, [B, B]; see normalized_distance().
  const Tensor& distances() const;
  /// The log-likelihood of each sample under each expert, [B, E], without a gradient. Throws ShapeError unless every
  /// expert was evaluated, ValueError if neither labels nor a target are known.
  const Variable& log_likelihoods() const;

  /// The result of compute(), which is called once for each batch; there is one value for each type of result.
  template <class Compute>
  const auto& shared(const Compute& compute) const {
    using Value = decltype(compute());
    std::any& value = shared_[typeid(Value)];
    if (!value.has_value()) value = compute();
    return *std::any_cast<Value>(&value);
  }

 private:
  const Forward& forward_;
  const Supervision& known_;
  nn::Module* features_;
  mutable Tensor distances_;
  mutable Variable log_likelihoods_;
  mutable std::unordered_map<std::type_index, std::any> shared_;
};

}  // namespace divvy::moe
