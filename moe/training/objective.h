#pragma once

#include <string>
#include <vector>

#include "moe/model/model.h"

namespace divvy::moe {

/// What the output of a model, or its experts with their weights, is measured by.
enum class Loss {
  cross_entropy,   ///< -ln of the output's probability of the label
  likelihood,      ///< -ln of the mixture likelihood (moe/training/likelihood.h); for targets, Jacobs et al. (1991)
  mse,             ///< the mean squared difference of output and target
  responsibility,  ///< the M-step of EM (moe/training/likelihood.h)
};

/// What training minimizes: a loss plus weighted regularizers (moe/training/regularizers.h).
struct Objective {
  Loss loss = Loss::cross_entropy;
  double importance = 0;            ///< weight of importance_loss()
  double similarity_same = 0;       ///< weight of sample_similarity().same / B^2
  double similarity_different = 0;  ///< weight of -sample_similarity().different / B^2
  double class_balance = 0;         ///< weight of class_balance_loss()
  double orthogonality = 0;         ///< weight of orthogonality_loss(); evaluates every expert
  double ideal_gate = 0;            ///< weight of ideal_gate_loss(); evaluates every expert
  double gate_regression = 0;       ///< weight of gate_regression_loss(); evaluates every expert

  /// The features between which sample similarity measures distances; the samples themselves where it is null.
  std::shared_ptr<nn::Module> distance_features = {};
  bool square_root_likelihood = false;  ///< see mixture_likelihood_loss()
  bool gate_times_loss = false;         ///< see responsibility_loss()
  bool same_not_averaged = false;       ///< similarity_same weighs `same` itself, not `same` / B^2

  /// The names of the regularizers that evaluate() gives, in its order.
  std::vector<std::string> regularizers() const;
  /// Whether a term reads the outputs of experts that routing did not choose.
  bool needs_every_expert() const { return orthogonality > 0 || ideal_gate > 0 || gate_regression > 0; }
};

/// The terms of an objective for one batch.
struct Terms {
  struct Regularizer {
    std::string name;
    double weight = 0;
    Variable value;  ///< a scalar, not weighted
  };

  Variable total;  ///< a scalar: what backward() starts from
  Variable loss;   ///< the loss alone
  std::vector<Regularizer> regularizers;

  /// The value of a regularizer; undefined where the objective does not have it.
  Variable regularizer(const std::string& name) const;
};

/// The objective for a batch: a loss in nats (or squared units), the mean over the samples, plus the regularizers.
/// Throws ValueError for a weight that is negative, for labels or targets that are missing, and for terms that need
/// every expert where routing left some out.
Terms evaluate(const Objective& objective, const Forward& forward, const Supervision& supervision);

/// The loss by its name on the command line, and back: "cross-entropy", "likelihood", "mse", "responsibility". Throws
/// ValueError for another one.
Loss parse_loss(const std::string& name);
std::string to_string(Loss loss);

}  // namespace divvy::moe
