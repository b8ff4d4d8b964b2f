#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "moe/training/losses.h"
#include "moe/training/regularizers.h"

namespace divvy::moe {

/// What training minimizes: a loss plus weighted regularizers, as in
/// `Objective{.loss = "likelihood", .regularizers = {{"importance", 0.1}}}`.
struct Objective {
  Loss loss = "cross-entropy";
  std::vector<Regularizer> regularizers = {};  ///< evaluated in this order, each name once
  /// The network whose outputs define distances between samples; if null, the samples themselves do.
  std::shared_ptr<nn::Module> distance_features = {};

  /// The regularizer of that name, or nullptr if there is none.
  Regularizer* find(std::string_view name);
  /// The weight of a regularizer, or 0 if the objective does not have it.
  double weight(std::string_view name) const;
  /// Sets the weight of a regularizer, which is appended if it is new. Throws ValueError for an unknown name.
  void set_weight(std::string_view name, double weight);

  /// The names of the regularizers with a positive weight, in the order in which evaluate() returns them.
  std::vector<std::string> names() const;
  /// Whether a term reads the outputs of experts that routing did not choose.
  bool needs_every_expert() const;
};

/// The terms of an objective for one batch.
struct Terms {
  struct Term {
    std::string name;
    double weight = 0;  ///< negative for a term that is maximized
    Variable value;     ///< a scalar, without the weight
  };

  Variable total;  ///< a scalar: the root of backward()
  Variable loss;   ///< the loss without the regularizers
  std::vector<Term> regularizers;

  /// The value of a regularizer; undefined if the objective does not have it.
  Variable regularizer(const std::string& name) const;
};

/// The objective for a batch: a loss in nats (or squared units), the mean over the samples, plus the regularizers.
/// Throws ValueError for a negative weight, a duplicate regularizer, missing labels or targets, and if terms need every
/// expert but only some were evaluated.
Terms evaluate(const Objective& objective, const Forward& forward, const Supervision& supervision);

}  // namespace divvy::moe
