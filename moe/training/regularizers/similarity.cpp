#include "autograd/ops/matmul.h"
#include "moe/training/regularizers.h"
#include "moe/training/regularizers/common.h"

namespace divvy::moe {

namespace {

/// A sum over all pairs of samples of a batch, divided by their number.
Variable mean_of_pairs(const Variable& sum, const TermInputs& in) {
  return div(sum, static_cast<double>(std::max<int64_t>(in.distances().numel(), 1)));
}

}  // namespace

SampleSimilarity sample_similarity(const Variable& probabilities, const Tensor& distance) {
  require_matrix("sample similarity", "probabilities", probabilities);
  const int64_t samples = probabilities.size(0), experts = probabilities.size(1);
  if (distance.shape() != Shape{samples, samples}) {
    fail<ShapeError>("sample similarity: distances {} for {} samples", distance.shape(), samples);
  }
  const Variable d(distance);
  const Variable same = sum(mul(matmul(d, probabilities), probabilities));
  const auto number = static_cast<double>(experts);
  if (experts == 1) return {same, zero_like(probabilities)};
  // The sum over all pairs of experts, minus the pairs of an expert with itself.
  const Variable mass = sum(probabilities, {1}, true);
  const Variable all = sum(mul(matmul(d, mass), mass));
  return {div(same, number), div(sub(all, same), number * number - number)};
}

const SampleSimilarity& sample_similarity(const TermInputs& in) {
  return in.shared([&] { return sample_similarity(in.forward().routing.probabilities, in.distances()); });
}

RegularizerKind similarity_same() {
  return {.name = "similarity_same",
          .summary = "distance of samples that share an expert",
          .help = "weight against distant samples in one expert",
          .of = RegularizerKind::Of::gate,
          .distances = true,
          .value = [](const TermInputs& in) { return mean_of_pairs(sample_similarity(in).same, in); }};
}

RegularizerKind similarity_different() {
  return {.name = "similarity_different",
          .summary = "minus the distance of samples in different experts",
          .help = "weight for distant samples in different experts",
          .of = RegularizerKind::Of::gate,
          .distances = true,
          .maximized = true,
          .value = [](const TermInputs& in) { return mean_of_pairs(sample_similarity(in).different, in); }};
}

}  // namespace divvy::moe
