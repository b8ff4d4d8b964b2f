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
  /// The features between which distances of samples are measured; the samples themselves where it is null.
  std::shared_ptr<nn::Module> distance_features = {};

  /// The regularizer of that name, nullptr where there is none.
  Regularizer* find(std::string_view name);
  /// The weight of a regularizer, 0 where it is not there.
  double weight(std::string_view name) const;
  /// Gives a regularizer its weight, as the last one where it is new. Throws ValueError for an unknown name.
  void set_weight(std::string_view name, double weight);

  /// The names of the regularizers that evaluate() gives, in its order: those with a weight.
  std::vector<std::string> names() const;
  /// Whether a term reads the outputs of experts that routing did not choose.
  bool needs_every_expert() const;
};

/// The terms of an objective for one batch.
struct Terms {
  struct Term {
    std::string name;
    double weight = 0;  ///< negative for what is maximized
    Variable value;     ///< a scalar, not weighted
  };

  Variable total;  ///< a scalar: what backward() starts from
  Variable loss;   ///< the loss alone
  std::vector<Term> regularizers;

  /// The value of a regularizer; undefined where the objective does not have it.
  Variable regularizer(const std::string& name) const;
};

/// The objective for a batch: a loss in nats (or squared units), the mean over the samples, plus the regularizers.
/// Throws ValueError for a weight that is negative, for a regularizer that is there twice, for labels or targets that
/// are missing, and for terms that need every expert where routing left some out.
Terms evaluate(const Objective& objective, const Forward& forward, const Supervision& supervision);

}  // namespace divvy::moe
