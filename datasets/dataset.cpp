#include "datasets/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tensor/parallel.h"

namespace divvy::data {

namespace {

/// rows[i] = t[index[i]], for any type. The indices must be valid.
Tensor gather_rows(const Tensor& t, std::span<const int64_t> index) {
  if (!t.defined()) return {};
  Tensor rows = Tensor::empty(t.shape().with(0, static_cast<int64_t>(index.size())), t.dtype());
  const int64_t row_bytes = t.shape().range(1).numel() * size_of(t.dtype());
  if (rows.numel() == 0) return rows;
  const std::byte* from = t.bytes();
  std::byte* to = rows.mutable_bytes();
  parallel_tiles(static_cast<int64_t>(index.size()), 512, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      std::memcpy(to + i * row_bytes, from + index[static_cast<size_t>(i)] * row_bytes, static_cast<size_t>(row_bytes));
    }
  });
  return rows;
}

void check_inputs(const Dataset& d, std::string_view source) {
  if (!d.x.defined()) fail<DataError>("{}: there are no samples", source);
  if (!d.x.device().is_cpu()) fail<DataError>("{}: samples must be on the CPU, got {}", source, d.x.device());
  const bool image = d.x.dtype() == DType::u8 && d.x.rank() == 4;
  const bool features = d.x.dtype() == DType::f32 && d.x.rank() >= 2;
  if (!image && !features) {
    fail<DataError>("{}: samples must be u8 [N, C, H, W] or f32 [N, ...], got {} {}", source, d.x.dtype(), d.x.shape());
  }
  if (!d.y.defined() && !d.target.defined()) fail<DataError>("{}: there are neither labels nor targets", source);
}

void check_labels(const Dataset& d, std::string_view source) {
  if (!d.y.defined()) {
    if (d.classes != 0) fail<DataError>("{}: {} classes, but no labels", source, d.classes);
    return;
  }
  if (d.y.dtype() != DType::i64 || d.y.shape() != Shape{d.size()}) {
    fail<DataError>("{}: labels must be i64 [{}], one for each sample, got {} {}", source, d.size(), d.y.dtype(),
                    d.y.shape());
  }
  if (d.classes < 1) fail<DataError>("{}: there must be at least one class, got {}", source, d.classes);
  const auto labels = d.y.values<int64_t>();
  const auto bad = std::ranges::find_if(labels, [&](int64_t label) { return label < 0 || label >= d.classes; });
  if (bad != labels.end()) {
    fail<DataError>("{}: label {} of sample {} is outside [0, {})", source, *bad, bad - labels.begin(), d.classes);
  }
  if (!d.class_names.empty() && static_cast<int64_t>(d.class_names.size()) != d.classes) {
    fail<DataError>("{}: {} names for {} classes", source, d.class_names.size(), d.classes);
  }
}

void check_finite(const Tensor& t, std::string_view what, std::string_view source) {
  if (t.dtype() != DType::f32) return;
  const auto values = t.values<float>();
  const auto bad = std::ranges::find_if(values, [](float v) { return !std::isfinite(v); });
  if (bad == values.end()) return;
  const int64_t width = t.shape().range(1).numel();
  fail<DataError>("{}: {} {} of sample {} is {}", source, what, (bad - values.begin()) % width,
                  (bad - values.begin()) / width, *bad);
}

void check_targets(const Dataset& d, std::string_view source) {
  if (!d.target.defined()) return;
  if (d.target.dtype() != DType::f32 || d.target.rank() < 1 || d.target.size(0) != d.size()) {
    fail<DataError>("{}: targets must be f32 [{}, ...], got {} {}", source, d.size(), d.target.dtype(),
                    d.target.shape());
  }
  check_finite(d.target, "target", source);
}

void check_normalization(const Dataset& d, std::string_view source) {
  const auto& [mean, stddev] = d.normalization;
  if (mean.size() != stddev.size() || (!mean.empty() && static_cast<int64_t>(mean.size()) != d.x.size(1))) {
    fail<DataError>("{}: normalization has {} means and {} deviations for {} channels", source, mean.size(),
                    stddev.size(), d.x.size(1));
  }
  for (size_t c = 0; c < mean.size(); ++c) {
    if (!std::isfinite(mean[c]) || !std::isfinite(stddev[c]) || !(stddev[c] > 0)) {
      fail<DataError>("{}: normalization of channel {} is mean {}, deviation {}; the deviation must be positive",
                      source, c, mean[c], stddev[c]);
    }
  }
}

}  // namespace

std::string Dataset::class_name(int64_t label) const {
  if (label < 0 || label >= classes) fail<ValueError>("class {} is outside [0, {})", label, classes);
  return class_names.empty() ? std::to_string(label) : class_names[static_cast<size_t>(label)];
}

Dataset Dataset::subset(const Tensor& indices) const {
  if (!indices.defined() || indices.rank() != 1) {
    fail<ShapeError>("subset: indices must be a vector, got {}", indices.defined() ? indices.shape() : Shape{});
  }
  const auto index = indices.values<int64_t>();
  for (const int64_t i : index) {
    if (i < 0 || i >= size()) fail<ValueError>("subset: index {} is outside [0, {})", i, size());
  }
  Dataset result = *this;
  result.x = gather_rows(x, index);
  result.y = gather_rows(y, index);
  result.target = gather_rows(target, index);
  return result;
}

Dataset Dataset::slice(int64_t begin, int64_t end) const {
  Dataset result = *this;
  result.x = x.slice(begin, end);
  if (y.defined()) result.y = y.slice(begin, end);
  if (target.defined()) result.target = target.slice(begin, end);
  return result;
}

std::vector<int64_t> Dataset::class_counts() const {
  std::vector<int64_t> counts(static_cast<size_t>(classes), 0);
  if (!y.defined()) return counts;
  for (const int64_t label : y.values<int64_t>()) ++counts.at(static_cast<size_t>(label));
  return counts;
}

void check(const Dataset& dataset, std::string_view source) {
  check_inputs(dataset, source);
  check_labels(dataset, source);
  check_finite(dataset.x, "feature", source);
  check_targets(dataset, source);
  check_normalization(dataset, source);
}

Normalization measure_normalization(const Tensor& x) {
  if (!x.defined() || x.rank() < 2 || x.size(0) < 1 || x.shape().range(2).numel() < 1) {
    fail<ShapeError>("measure_normalization: expects [N, C, ...] with at least one value a channel, got {}",
                     x.defined() ? x.shape() : Shape{});
  }
  if (x.dtype() != DType::u8 && x.dtype() != DType::f32) {
    fail<DTypeError>("measure_normalization: expects u8 or f32, got {}", x.dtype());
  }
  const int64_t channels = x.size(1), pixels = x.shape().range(2).numel();
  Normalization result;
  visit_any(x.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, uint8_t> || std::is_same_v<T, float>) {
      const double unit = std::is_same_v<T, uint8_t> ? 1.0 / 255 : 1.0;
      const T* values = x.values<T>().data();
      // Two passes, so that a small deviation is not lost in the rounding of a large mean.
      const auto average = [&](int64_t channel, auto&& of) {
        double sum = 0;
        for (int64_t n = 0; n < x.size(0); ++n) {
          const T* plane = values + (n * channels + channel) * pixels;
          for (int64_t p = 0; p < pixels; ++p) sum += of(unit * static_cast<double>(plane[p]));
        }
        return sum / static_cast<double>(x.size(0) * pixels);
      };
      for (int64_t c = 0; c < channels; ++c) {
        const double mean = average(c, [](double v) { return v; });
        const double deviation = std::sqrt(average(c, [&](double v) { return (v - mean) * (v - mean); }));
        result.mean.push_back(mean);
        // The deviation of a constant column may be a rounding error instead of 0.
        result.stddev.push_back(deviation > 1e-12 * std::max(1.0, std::abs(mean)) ? deviation : 1.0);
      }
    }
  });
  return result;
}

}  // namespace divvy::data
