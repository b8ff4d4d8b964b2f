#pragma once

#include <functional>
#include <string>

#include "moe/training/term_inputs.h"
#include "tensor/registry.h"

/// Regularizers of mixtures. Each is a file in moe/training/regularizers/ and a row of the registry; the option of
/// `divvy train`, its help, the listing, the columns of results and the checks follow from the row.
namespace divvy::moe {

/// A named regularizer. The option for its weight follows from the name: "class_balance" has --class-balance.
struct RegularizerKind {
  /// What a regularizer acts on.
  enum class Of {
    gate,     ///< the probabilities or scores of a gate; a model without one is refused
    experts,  ///< how several experts differ, not the gate: with two temperatures it trains the experts
    output,   ///< the output of the model
  };

  std::string name;     ///< also the name of its column in results
  std::string summary;  ///< what its value is, in listings for users
  std::string help;     ///< what its weight does
  Of of = Of::output;
  bool every_expert = false;                              ///< reads the outputs of all experts, chosen or not
  bool distances = false;                                 ///< reads the distances of TermInputs
  bool maximized = false;                                 ///< a larger value is better: it is subtracted from the loss
  std::function<Variable(const TermInputs&)> value = {};  ///< a scalar, without the weight

  /// The name of its option: "--class-balance".
  std::string option() const;
};

/// All regularizers, in the order in which they are listed to users; a program can add its own.
Registry<RegularizerKind>& regularizers();

/// A regularizer of an objective: a copy of a row, whose function may be replaced, and its weight.
struct Regularizer : RegularizerKind {
  /// Throws ValueError for an unknown name.
  Regularizer(std::string_view known_name, double weight_of_it)
      : Regularizer(regularizers().at(known_name), weight_of_it) {}
  Regularizer(RegularizerKind kind, double weight_of_it) : RegularizerKind(std::move(kind)), weight(weight_of_it) {}

  double weight;  ///< at 0 it is not computed
};

// The functions of the built-in regularizers. Probabilities are the gate's, [B, E]. Each is 0 for no samples.

/// The importance loss of Shazeer et al. (2017): the squared coefficient of variation, var(I) / mean(I)^2 with the
/// unbiased variance, of I = sum_b p[b, :]; 0 for one expert. It is zero if all experts are equally important.
Variable importance_loss(const Variable& probabilities);

/// The two sums of the sample-similarity loss of Krishnamurthy et al. (2023), for pairwise distances d [B, B]:
///
///     same      = sum_bb' sum_i    p[b, i] p[b', i] d[b, b'] / E
///     different = sum_bb' sum_i!=j p[b, i] p[b', j] d[b, b'] / (E^2 - E), 0 for one expert
///
/// in closed form, O(B^2 E). `same` is large if distant samples share an expert. The regularizers similarity_same and
/// similarity_different are these sums divided by B^2.
struct SampleSimilarity {
  Variable same, different;
};
SampleSimilarity sample_similarity(const Variable& probabilities, const Tensor& distance);
/// The sums of a batch, computed once for both regularizers.
const SampleSimilarity& sample_similarity(const TermInputs& inputs);

/// The squared coefficient of variation, with the unbiased variance, of the total probability that the mixture gives
/// each class, sum_b sum_i p[b, i] y_i[b, :]; 0 for one class. It balances classes, not experts.
Variable class_balance_loss(const Variable& mixture);

/// The mean over samples and pairs of experts of the inner product of their outputs, for outputs [E, B, C]: 0 if no two
/// experts give probability to the same class. In closed form: (|sum_i y_i|^2 - sum_i |y_i|^2) / (E^2 - E); 0 for one
/// expert.
Variable orthogonality_loss(const Variable& outputs);

/// The mean over samples and experts of the squared difference between the gate's probabilities and the indicator of
/// the expert with the greatest likelihood. log_likelihoods: [B, E], without a gradient.
Variable ideal_gate_loss(const Variable& probabilities, const Variable& log_likelihoods);

/// sum_e mean_b |scores[b, e] - log_likelihoods[b, e]|: makes a gate regress the log-likelihood of each expert. No
/// gradient flows into the likelihoods.
Variable gate_regression_loss(const Variable& scores, const Variable& log_likelihoods);

}  // namespace divvy::moe
