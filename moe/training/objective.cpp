#include "moe/training/objective.h"

#include <array>

#include "autograd/ops/binary.h"
#include "moe/model/combine.h"
#include "moe/training/likelihood.h"
#include "moe/training/regularizers.h"
#include "nn/loss.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

constexpr std::array<std::pair<Loss, const char*>, 4> kLosses = {{{Loss::cross_entropy, "cross-entropy"},
                                                                  {Loss::likelihood, "likelihood"},
                                                                  {Loss::mse, "mse"},
                                                                  {Loss::responsibility, "responsibility"}}};

Variable loss_of(const Objective& objective, const Forward& forward, const Supervision& known) {
  switch (objective.loss) {
    case Loss::cross_entropy:
      if (!known.labels.defined()) fail<ValueError>("the cross-entropy needs labels");
      return nn::cross_entropy_from_probabilities(forward.output, known.labels);
    case Loss::mse:
      if (!known.target.defined()) fail<ValueError>("the squared error needs a target");
      return nn::mse(forward.output, Variable(known.target));
    case Loss::likelihood:
      return mixture_likelihood_loss(forward.rows, forward.routing, forward.dispatch, known,
                                     objective.square_root_likelihood);
    case Loss::responsibility:
      return responsibility_loss(forward.rows, forward.routing, forward.dispatch, known, objective.gate_times_loss);
  }
  fail<ValueError>("unknown loss {}", static_cast<int>(objective.loss));
}

/// Puts weighted terms behind the loss.
class Sum {
 public:
  explicit Sum(Terms& terms) : terms_(terms) { terms_.total = terms_.loss; }

  template <class Value>
  void add(const char* name, double weight, const Value& value) {
    if (!(weight >= 0)) fail<ValueError>("the weight of {} must not be negative, got {}", name, weight);
    if (weight > 0) add_signed(name, weight, value());
  }
  void add_signed(const char* name, double weight, Variable value) {
    terms_.total = divvy::add(terms_.total, mul(value, weight));
    terms_.regularizers.push_back({name, weight, std::move(value)});
  }

 private:
  Terms& terms_;
};

}  // namespace

std::vector<std::string> Objective::regularizers() const {
  std::vector<std::string> names;
  const auto add = [&](const char* name, double weight) {
    if (weight > 0) names.emplace_back(name);
  };
  add("importance", importance);
  add("similarity_same", similarity_same);
  add("similarity_different", similarity_different);
  add("class_balance", class_balance);
  add("orthogonality", orthogonality);
  add("ideal_gate", ideal_gate);
  add("gate_regression", gate_regression);
  return names;
}

Variable Terms::regularizer(const std::string& name) const {
  for (const Regularizer& term : regularizers) {
    if (term.name == name) return term.value;
  }
  return {};
}

Terms evaluate(const Objective& objective, const Forward& forward, const Supervision& supervision) {
  const Routing& routing = forward.routing;
  if (objective.needs_every_expert() && !forward.dispatch.is_dense()) {
    fail<ValueError>("a regularizer needs the outputs of all {} experts, and only those chosen were evaluated",
                     forward.dispatch.experts());
  }
  const auto log_likelihoods = [&] {
    return by_sample(row_log_likelihood(forward.rows.detach(), forward.dispatch, supervision), forward.dispatch);
  };

  Terms terms;
  terms.loss = loss_of(objective, forward, supervision);
  Sum sum(terms);
  sum.add("importance", objective.importance, [&] { return importance_loss(routing.probabilities); });
  const double same = objective.similarity_same, different = objective.similarity_different;
  if (!(same >= 0 && different >= 0)) {
    fail<ValueError>("the weights of sample similarity must not be negative, got {} and {}", same, different);
  }
  if (same > 0 || different > 0) {
    const Tensor distance = normalized_distance(forward.input.value(), objective.distance_features.get());
    const SampleSimilarity similarity = sample_similarity(routing.probabilities, distance);
    const auto batch = static_cast<double>(std::max<int64_t>(distance.numel(), 1));
    if (same > 0) {
      sum.add_signed("similarity_same", same,
                     objective.same_not_averaged ? similarity.same : div(similarity.same, batch));
    }
    if (different > 0) sum.add_signed("similarity_different", -different, div(similarity.different, batch));
  }
  sum.add("class_balance", objective.class_balance,
          [&] { return class_balance_loss(combine(forward.rows, routing, forward.dispatch)); });
  sum.add("orthogonality", objective.orthogonality,
          [&] { return orthogonality_loss(by_expert(forward.rows, forward.dispatch)); });
  sum.add("ideal_gate", objective.ideal_gate,
          [&] { return ideal_gate_loss(routing.probabilities, log_likelihoods()); });
  sum.add("gate_regression", objective.gate_regression,
          [&] { return gate_regression_loss(routing.scores, log_likelihoods()); });
  return terms;
}

Loss parse_loss(const std::string& name) {
  for (const auto& [loss, text] : kLosses) {
    if (name == text) return loss;
  }
  fail<ValueError>("unknown loss '{}'; known are cross-entropy, likelihood, mse, responsibility", name);
}

std::string to_string(Loss loss) {
  for (const auto& [known, text] : kLosses) {
    if (known == loss) return text;
  }
  return "";
}

}  // namespace divvy::moe
