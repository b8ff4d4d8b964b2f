#include "datasets/compose.h"

#include <cmath>
#include <cstring>

namespace divvy::data {

namespace {

Shape row_shape(const Tensor& t) { return t.defined() ? t.shape().range(1) : Shape{}; }

[[noreturn]] void fail_unlike(const char* op, const Dataset& a, const Dataset& b) {
  fail<DataError>("{}: {} ({} {}, {} classes) and {} ({} {}, {} classes) do not go together", op, a.name, a.x.dtype(),
                  a.x.shape(), a.classes, b.name, b.x.dtype(), b.x.shape(), b.classes);
}

bool same_samples(const Dataset& a, const Dataset& b) {
  return a.x.dtype() == b.x.dtype() && row_shape(a.x) == row_shape(b.x);
}

Tensor join(const std::vector<Dataset>& parts, Tensor Dataset::*field) {
  const Tensor& first = parts.front().*field;
  if (!first.defined()) return {};
  int64_t rows = 0;
  for (const Dataset& part : parts) rows += part.size();
  Tensor all = Tensor::empty(first.shape().with(0, rows), first.dtype());
  std::byte* to = all.mutable_bytes();
  for (const Dataset& part : parts) {
    const auto bytes = static_cast<size_t>((part.*field).nbytes());
    if (bytes > 0) std::memcpy(to, (part.*field).bytes(), bytes);
    to += bytes;
  }
  return all;
}

void check_labeled(const char* op, const Dataset& dataset) {
  check(dataset, dataset.name);
  if (!dataset.y.defined()) fail<ValueError>("{}: {} has no labels", op, dataset.name);
}

}  // namespace

Dataset concat(const std::vector<Dataset>& parts) {
  if (parts.empty()) fail<ValueError>("concat: there is no dataset");
  const Dataset& first = parts.front();
  for (const Dataset& part : parts) {
    check(part, part.name);
    if (!same_samples(first, part) || part.classes != first.classes || part.y.defined() != first.y.defined() ||
        part.target.defined() != first.target.defined() || row_shape(part.target) != row_shape(first.target)) {
      fail_unlike("concat", first, part);
    }
  }
  Dataset all = first;
  all.x = join(parts, &Dataset::x);
  all.y = join(parts, &Dataset::y);
  all.target = join(parts, &Dataset::target);
  return all;
}

Dataset keep_classes(const Dataset& dataset, const std::vector<int64_t>& classes) {
  check_labeled("keep_classes", dataset);
  std::vector<int64_t> label_of(static_cast<size_t>(dataset.classes), -1);
  std::vector<std::string> names;
  for (size_t i = 0; i < classes.size(); ++i) {
    if (classes[i] < 0 || classes[i] >= dataset.classes || label_of[static_cast<size_t>(classes[i])] >= 0) {
      fail<ValueError>("keep_classes: [{}] is no choice among the {} classes of {}", fmt::join(classes, ", "),
                       dataset.classes, dataset.name);
    }
    label_of[static_cast<size_t>(classes[i])] = static_cast<int64_t>(i);
    names.push_back(dataset.class_name(classes[i]));
  }
  if (classes.empty()) fail<ValueError>("keep_classes: there must be at least one class");
  std::vector<int64_t> index, labels;
  for (int64_t i = 0; i < dataset.size(); ++i) {
    const int64_t label = label_of[static_cast<size_t>(dataset.y.data<int64_t>()[i])];
    if (label < 0) continue;
    index.push_back(i);
    labels.push_back(label);
  }
  const Shape size{static_cast<int64_t>(index.size())};
  Dataset kept = dataset.subset(Tensor::from(index, size));
  kept.y = Tensor::from(labels, size);
  kept.classes = static_cast<int64_t>(classes.size());
  kept.class_names = std::move(names);
  return kept;
}

Dataset join_classes(const Dataset& a, const Dataset& b) {
  check_labeled("join_classes", a);
  check_labeled("join_classes", b);
  if (!same_samples(a, b)) fail_unlike("join_classes", a, b);
  Dataset shifted = b;
  shifted.y = b.y.clone();
  for (int64_t& label : shifted.y.mutable_values<int64_t>()) label += a.classes;
  const std::vector<Dataset> parts{a, shifted};
  Dataset both = a;
  both.x = join(parts, &Dataset::x);
  both.y = join(parts, &Dataset::y);
  both.target = {};
  both.classes = a.classes + b.classes;
  if (a.class_names.empty() || b.class_names.empty()) {
    both.class_names.clear();
  } else {
    both.class_names.insert(both.class_names.end(), b.class_names.begin(), b.class_names.end());
  }
  return both;
}

Dataset take_per_class(const Dataset& dataset, const std::vector<int64_t>& counts, Generator& generator) {
  check_labeled("take_per_class", dataset);
  const auto available = dataset.class_counts();
  bool fits = counts.size() == available.size();
  for (size_t c = 0; fits && c < counts.size(); ++c) fits = counts[c] >= 0 && counts[c] <= available[c];
  if (!fits) {
    fail<ValueError>("take_per_class: cannot take [{}] of the [{}] samples that the classes of {} have",
                     fmt::join(counts, ", "), fmt::join(available, ", "), dataset.name);
  }
  std::vector<int64_t> left = counts, index;
  const Tensor order = generator.permutation(dataset.size());
  for (const int64_t i : order.values<int64_t>()) {
    if (left[static_cast<size_t>(dataset.y.data<int64_t>()[i])]-- > 0) index.push_back(i);
  }
  return dataset.subset(Tensor::from(index, {static_cast<int64_t>(index.size())}));
}

Dataset imbalanced(const Dataset& dataset, double tail, Generator& generator) {
  check_labeled("imbalanced", dataset);
  if (!(tail > 0 && tail <= 1)) fail<ValueError>("imbalanced: the tail must be in (0, 1], got {}", tail);
  auto counts = dataset.class_counts();
  for (size_t c = 0; c < counts.size(); ++c) {
    const double place = counts.size() == 1 ? 0 : static_cast<double>(c) / static_cast<double>(counts.size() - 1);
    counts[c] = std::llround(static_cast<double>(counts[c]) * std::pow(tail, place));
  }
  return take_per_class(dataset, counts, generator);
}

}  // namespace divvy::data
