#pragma once

#include <memory>
#include <vector>

#include "nn/module.h"

namespace divvy::moe {

/// The experts of a model are one nn::Module, which evaluates expert e on the rows of segment e and returns rows [N,
/// C]. Experts of equal architecture are a stack of layers built with `experts = E`, so that each layer is one
/// operation for all experts. ExpertList has the same interface for experts of different architectures and evaluates
/// them one by one.
class ExpertList : public nn::Module {
 public:
  /// Throws ValueError for an empty list.
  explicit ExpertList(std::vector<std::shared_ptr<nn::Module>> experts);
  nn::Rows forward(const nn::Rows& x) override;
  std::vector<std::shared_ptr<nn::Module>> separate_experts() const override { return experts_; }
  int64_t size() const { return static_cast<int64_t>(experts_.size()); }
  /// Throws ValueError out of range.
  const std::shared_ptr<nn::Module>& operator[](int64_t expert) const;

 private:
  std::vector<std::shared_ptr<nn::Module>> experts_;
};

}  // namespace divvy::moe
