#include "datasets/device_samples.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "kernels/rows.h"
#include "tensor/allocator.h"

namespace divvy::data {

namespace {

/// f32 samples, normalized on their way to the device.
Tensor normalized(const Dataset& dataset, Device device) {
  constexpr int64_t kPart = 1 << 22;  // elements
  Tensor result = Tensor::empty(dataset.x.shape(), DType::f32, device);
  const int64_t rows = std::max<int64_t>(1, kPart / std::max<int64_t>(1, dataset.sample_shape().numel()));
  for (int64_t begin = 0; begin < dataset.size(); begin += rows) {
    std::vector<int64_t> index(static_cast<size_t>(std::min(rows, dataset.size() - begin)));
    std::iota(index.begin(), index.end(), begin);
    const auto count = static_cast<int64_t>(index.size());
    Tensor part = Tensor::empty(dataset.x.shape().with(0, count));
    gather_normalized(dataset, index, part);
    result.slice(begin, begin + count).copy_from(part);
  }
  return result;
}

Tensor rows_at(const Tensor& x, const Tensor& index) {
  if (!x.defined()) return {};
  Tensor rows = Tensor::empty(x.shape().with(0, index.numel()), x.dtype(), x.device());
  kernels::gather_rows(x, index, rows);
  return rows;
}

}  // namespace

DeviceSamples::DeviceSamples(const Dataset& dataset, Device device)
    : x_(dataset.x.dtype() == DType::f32 ? normalized(dataset, device) : dataset.x.to(device)),
      values_(normalized_values(dataset).to(device)) {
  if (dataset.y.defined()) y_ = dataset.y.to(device);
  if (dataset.target.defined()) target_ = dataset.target.to(device);
}

int64_t DeviceSamples::bytes(const Dataset& dataset) {
  int64_t sum = 0;
  for (const Tensor* t : {&dataset.x, &dataset.y, &dataset.target}) sum += t->defined() ? t->nbytes() : 0;
  return sum;
}

bool DeviceSamples::fit(const Dataset& dataset, Device device) {
  const int64_t available = allocator(device).available_bytes();
  return available >= 0 && bytes(dataset) <= available / 2;
}

DeviceSamples::Samples DeviceSamples::gather(const Tensor& index, const Augmentation& augmentation,
                                             Generator& generator) const {
  Samples samples{Tensor::empty(x_.shape().with(0, index.numel()), DType::f32, x_.device()), rows_at(y_, index),
                  rows_at(target_, index)};
  kernels::gather_samples(x_, index, values_, changes_of(augmentation, generator), samples.x);
  if (!augmentation.none()) generator.set_offset(generator.offset() + static_cast<uint64_t>(index.numel()));
  return samples;
}

}  // namespace divvy::data
