#include "datasets/gather.h"

#include <algorithm>
#include <vector>

#include "kernels/sample_window.h"

namespace divvy::data {

namespace {

/// The normalization of one channel: v * scale + shift.
struct Affine {
  float scale = 1;
  float shift = 0;
};

std::vector<Affine> affine_of(const Dataset& dataset) {
  const double unit = dataset.x.dtype() == DType::u8 ? 1.0 / 255 : 1.0;
  std::vector<Affine> result(static_cast<size_t>(dataset.x.size(1)), {static_cast<float>(unit), 0});
  const auto& [mean, stddev] = dataset.normalization;
  for (size_t c = 0; c < mean.size(); ++c) {
    result[c] = {static_cast<float>(unit / stddev[c]), static_cast<float>(-mean[c] / stddev[c])};
  }
  return result;
}

template <class F>
void visit_stored(DType dtype, F&& f) {
  if (dtype == DType::u8) return f.template operator()<uint8_t>();
  if (dtype == DType::f32) return f.template operator()<float>();
  fail<DTypeError>("gather: samples must be u8 or f32, got {}", dtype);
}

/// The crop of one image: the input row of each output row and the input column of each output column, or -1 for
/// padding.
struct Window {
  std::vector<int64_t> rows;
  std::vector<int64_t> columns;

  void show(const kernels::SampleWindow& of) {
    rows.resize(static_cast<size_t>(of.height));
    columns.resize(static_cast<size_t>(of.width));
    for (size_t r = 0; r < rows.size(); ++r) rows[r] = of.source_row(static_cast<int64_t>(r));
    for (size_t c = 0; c < columns.size(); ++c) columns[c] = of.source_column(static_cast<int64_t>(c));
  }

  template <class T>
  void copy(const T* plane, Affine affine, float* out) const {
    const auto width = columns.size();
    for (const int64_t row : rows) {
      const T* from = row < 0 ? nullptr : plane + row * static_cast<int64_t>(width);
      for (size_t c = 0; c < width; ++c) {
        const bool padding = from == nullptr || columns[c] < 0;
        out[c] = (padding ? 0.f : static_cast<float>(from[columns[c]])) * affine.scale + affine.shift;
      }
      out += width;
    }
  }
};

}  // namespace

void check_augmentation(const Augmentation& augmentation, const Shape& sample) {
  if (augmentation.crop_padding < 0) {
    fail<ValueError>("augmentation: the padding must not be negative, got {}", augmentation.crop_padding);
  }
  if (augmentation.none()) return;
  if (sample.rank() != 3) fail<ValueError>("augmentation: needs images [C, H, W], got samples {}", sample);
  const int64_t side = std::min(sample[1], sample[2]);
  if (augmentation.crop_padding > side || (augmentation.reflect && augmentation.crop_padding >= side)) {
    fail<ValueError>("augmentation: padding of {} is too much for images {}", augmentation.crop_padding, sample);
  }
}

kernels::SampleChanges changes_of(const Augmentation& augmentation, const Generator& generator) {
  return {.flip = augmentation.flip,
          .padding = augmentation.crop_padding,
          .reflect = augmentation.reflect,
          .seed = generator.seed(),
          .stream = generator.stream(),
          .offset = generator.offset()};
}

Tensor normalized_values(const Dataset& dataset) {
  const auto affine = affine_of(dataset);
  const int64_t stored = dataset.x.dtype() == DType::u8 ? 256 : 1;
  Tensor values = Tensor::empty({static_cast<int64_t>(affine.size()), stored});
  float* to = values.mutable_data<float>();
  for (const auto [scale, shift] : affine) {
    for (int64_t v = 0; v < stored; ++v) *to++ = static_cast<float>(v) * scale + shift;
  }
  return values;
}

void gather_normalized(const Dataset& dataset, std::span<const int64_t> index, Tensor& out) {
  const auto affine = affine_of(dataset);
  const int64_t plane = dataset.x.shape().range(2).numel(), row = plane * static_cast<int64_t>(affine.size());
  float* to = out.mutable_data<float>();
  visit_stored(dataset.x.dtype(), [&]<class T>() {
    const T* x = dataset.x.values<T>().data();
    if (std::is_same_v<T, float> && dataset.normalization.empty()) {
      for (const int64_t i : index) to = std::copy_n(x + i * row, row, to);
      return;
    }
    for (const int64_t i : index) {
      const T* from = x + i * row;
      if (plane == 1) {  // features: a scale for each column
        for (size_t c = 0; c < affine.size(); ++c)
          to[c] = static_cast<float>(from[c]) * affine[c].scale + affine[c].shift;
      } else {
        for (size_t c = 0; c < affine.size(); ++c) {
          const auto [scale, shift] = affine[c];
          const T* pixels = from + static_cast<int64_t>(c) * plane;
          float* values = to + static_cast<int64_t>(c) * plane;
          for (int64_t p = 0; p < plane; ++p) values[p] = static_cast<float>(pixels[p]) * scale + shift;
        }
      }
      to += row;
    }
  });
}

void gather_augmented(const Dataset& dataset, std::span<const int64_t> index, const Augmentation& augmentation,
                      Generator& generator, Tensor& out) {
  check_augmentation(augmentation, dataset.sample_shape());
  if (augmentation.none()) return gather_normalized(dataset, index, out);
  const auto affine = affine_of(dataset);
  const Shape& shape = dataset.x.shape();
  const int64_t plane = shape.range(2).numel();
  const auto changes = changes_of(augmentation, generator);
  Window window;
  float* to = out.mutable_data<float>();
  visit_stored(dataset.x.dtype(), [&]<class T>() {
    const T* x = dataset.x.values<T>().data();
    for (const int64_t i : index) {
      window.show({changes, generator.bits().data(), shape[2], shape[3]});
      for (size_t c = 0; c < affine.size(); ++c, to += plane) {
        window.copy(x + (i * shape[1] + static_cast<int64_t>(c)) * plane, affine[c], to);
      }
    }
  });
}

}  // namespace divvy::data
