#pragma once

#include <any>
#include <typeindex>
#include <unordered_map>

#include "moe/model/model.h"

namespace divvy::moe {

/// Euclidean distances of all pairs of samples x [B, ...], flattened, divided by the greatest one; all 0 for a batch of
/// equal samples. With `features`, distances of features(x), which is evaluated as it is, without a gradient.
Tensor normalized_distance(const Tensor& x, nn::Module* features = nullptr);

/// What a term of an objective reads of a batch: the forward pass, what is known of the samples, and what follows from
/// both. A value that several terms share is computed when the first of them asks for it.
class TermInputs {
 public:
  /// All of them must live longer. `features`: between which distances() are measured; nullptr: the samples themselves.
  TermInputs(const Forward& forward, const Supervision& known, nn::Module* features = nullptr)
      : forward_(forward), known_(known), features_(features) {}

  const Forward& forward() const { return forward_; }
  const Supervision& known() const { return known_; }
  /// [B, B], see normalized_distance().
  const Tensor& distances() const;
  /// ln of the likelihood of each sample under each expert, [B, E], without a gradient. Throws ShapeError where not
  /// every expert was evaluated, ValueError where neither labels nor a target are known.
  const Variable& log_likelihoods() const;

  /// What compute() gives, which is called once for a batch; there is one value of each type.
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
