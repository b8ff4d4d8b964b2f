#include "datasets/split.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace divvy::data {

namespace {

/// Reorders the samples so that every prefix has its share of each class: the r-th of n samples of a class gets the
/// position (r + 1/2) / n. Ties keep the random order in `order`.
void interleave_classes(const Dataset& dataset, std::span<int64_t> order) {
  const auto labels = dataset.y.values<int64_t>();
  const auto counts = dataset.class_counts();
  std::vector<int64_t> seen(counts.size(), 0);
  std::vector<double> place(order.size());
  for (const int64_t i : order) {
    const auto label = static_cast<size_t>(labels[static_cast<size_t>(i)]);
    place[static_cast<size_t>(i)] = (static_cast<double>(seen[label]++) + 0.5) / static_cast<double>(counts[label]);
  }
  std::ranges::stable_sort(order, {}, [&](int64_t i) { return place[static_cast<size_t>(i)]; });
}

}  // namespace

std::vector<int64_t> counts_of(int64_t size, const std::vector<double>& fractions) {
  if (size < 0) fail<ValueError>("counts_of: the size must not be negative, got {}", size);
  double sum = 0;
  for (const double f : fractions) {
    if (!(f >= 0 && f <= 1)) fail<ValueError>("split: a fraction must be in [0, 1], got {}", f);
    sum += f;
  }
  if (!(std::abs(sum - 1) < 1e-6)) fail<ValueError>("split: the fractions must sum to 1, got {}", sum);

  std::vector<int64_t> counts;
  std::vector<double> remainder;
  for (const double f : fractions) {
    const double share = f / sum * static_cast<double>(size);
    // A product just below an integer through rounding counts as that integer, for example 7 - 1e-15 for 0.7 * 10.
    counts.push_back(std::min(size, static_cast<int64_t>(std::floor(share + 1e-6))));
    remainder.push_back(share - static_cast<double>(counts.back()));
  }
  std::vector<size_t> order(fractions.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, std::greater<>(), [&](size_t i) { return remainder[i]; });
  int64_t missing = size - std::accumulate(counts.begin(), counts.end(), int64_t{0});
  for (size_t i = 0; missing > 0; i = (i + 1) % order.size(), --missing) ++counts[order[i]];
  return counts;
}

std::vector<Tensor> split_indices(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator,
                                  Stratify stratify) {
  int64_t left = dataset.size();
  const bool fits = std::ranges::all_of(counts, [&](int64_t count) {
    if (count < 0 || count > left) return false;
    left -= count;
    return true;
  });
  if (!fits || left != 0) {
    fail<ValueError>("split: parts of [{}] do not divide the {} samples of {}", fmt::join(counts, ", "), dataset.size(),
                     dataset.name);
  }
  if (stratify == Stratify::yes && !dataset.y.defined()) {
    fail<ValueError>("split: {} has no labels to stratify by", dataset.name);
  }
  Tensor order = generator.permutation(dataset.size());
  if (stratify == Stratify::yes) interleave_classes(dataset, order.mutable_values<int64_t>());
  std::vector<Tensor> parts;
  int64_t begin = 0;
  for (const int64_t count : counts) {
    parts.push_back(order.slice(begin, begin + count));
    begin += count;
  }
  return parts;
}

std::vector<Dataset> split_counts(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator,
                                  Stratify stratify) {
  std::vector<Dataset> parts;
  for (const Tensor& indices : split_indices(dataset, counts, generator, stratify)) {
    parts.push_back(dataset.subset(indices));
  }
  return parts;
}

std::vector<Dataset> split_fractions(const Dataset& dataset, const std::vector<double>& fractions, Generator& generator,
                                     Stratify stratify) {
  return split_counts(dataset, counts_of(dataset.size(), fractions), generator, stratify);
}

}  // namespace divvy::data
