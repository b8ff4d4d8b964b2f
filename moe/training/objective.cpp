#include "moe/training/objective.h"

#include <algorithm>

#include "autograd/ops/binary.h"
#include "tensor/error.h"

namespace divvy::moe {

Regularizer* Objective::find(std::string_view name) {
  const auto found = std::ranges::find(regularizers, name, &Regularizer::name);
  return found == regularizers.end() ? nullptr : &*found;
}

double Objective::weight(std::string_view name) const {
  const auto found = std::ranges::find(regularizers, name, &Regularizer::name);
  return found == regularizers.end() ? 0 : found->weight;
}

void Objective::set_weight(std::string_view name, double weight) {
  if (Regularizer* known = find(name)) {
    known->weight = weight;
  } else {
    regularizers.emplace_back(name, weight);
  }
}

std::vector<std::string> Objective::names() const {
  std::vector<std::string> names;
  for (const Regularizer& term : regularizers) {
    if (term.weight > 0) names.push_back(term.name);
  }
  return names;
}

bool Objective::needs_every_expert() const {
  return std::ranges::any_of(regularizers,
                             [](const Regularizer& term) { return term.weight > 0 && term.every_expert; });
}

Variable Terms::regularizer(const std::string& name) const {
  for (const Term& term : regularizers) {
    if (term.name == name) return term.value;
  }
  return {};
}

Terms evaluate(const Objective& objective, const Forward& forward, const Supervision& supervision) {
  if (objective.needs_every_expert() && !forward.dispatch.is_dense()) {
    fail<ValueError>("a regularizer needs the outputs of all {} experts, and only those chosen were evaluated",
                     forward.dispatch.experts());
  }
  const TermInputs inputs(forward, supervision, objective.distance_features.get());
  Terms terms;
  terms.loss = terms.total = objective.loss.value(inputs);
  for (const Regularizer& term : objective.regularizers) {
    if (!(term.weight >= 0)) {
      fail<ValueError>("the weight of {} must not be negative, got {}", term.name, term.weight);
    }
    if (term.weight == 0) continue;
    if (terms.regularizer(term.name).defined()) fail<ValueError>("the objective has {} twice", term.name);
    Variable value = term.value(inputs);
    const double weight = term.maximized ? -term.weight : term.weight;
    terms.total = add(terms.total, mul(value, weight));
    terms.regularizers.push_back({term.name, weight, std::move(value)});
  }
  return terms;
}

}  // namespace divvy::moe
