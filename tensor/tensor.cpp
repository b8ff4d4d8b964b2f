#include "tensor/tensor.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>

#include "tensor/allocator.h"
#include "tensor/cuda/device_memory.h"

namespace divvy {

namespace detail {

/// The memory that one or more tensors share.
struct Storage {
  Storage(int64_t nbytes, Device where)
      : bytes(static_cast<size_t>(nbytes)), device(where), data(allocator(where).allocate(bytes)) {}
  ~Storage() { allocator(device).deallocate(data, bytes); }
  Storage(const Storage&) = delete;
  Storage& operator=(const Storage&) = delete;

  size_t bytes;
  Device device;
  void* data;
  std::atomic<uint64_t> version{0};
};

}  // namespace detail

namespace {

void copy_memory(void* to, Device to_device, const void* from, Device from_device, size_t bytes) {
  if (bytes == 0) return;
  if (to_device.is_cpu() && from_device.is_cpu()) {
    std::memmove(to, from, bytes);
  } else {
    cuda::copy_bytes(to, to_device, from, from_device, bytes);
  }
}

/// `value` as an element. Throws ValueError if an integer type cannot represent it exactly.
template <class T>
T element_from(double value) {
  if constexpr (std::is_integral_v<T>) {
    // The largest integer is a power of two less one: a double may not represent it, but does represent the power of
    // two.
    constexpr double kLow = static_cast<double>(std::numeric_limits<T>::min());
    const double high = std::ldexp(1, std::numeric_limits<T>::digits);
    if (!(value >= kLow && value < high) || value != std::trunc(value)) {
      fail<ValueError>("a tensor of {} cannot hold {}", dtype_of<T>, value);
    }
    return static_cast<T>(value);
  } else if constexpr (std::is_same_v<T, bf16>) {
    return bf16(static_cast<float>(value));
  } else {
    return static_cast<T>(value);
  }
}

}  // namespace

Tensor Tensor::empty(const Shape& shape, DType dtype, Device device) {
  int64_t bytes = 0;
  if (__builtin_mul_overflow(shape.numel(), size_of(dtype), &bytes)) {
    fail<ShapeError>("a tensor {} of {} does not fit in memory", shape, dtype);
  }
  return {std::make_shared<detail::Storage>(bytes, device), 0, shape, dtype};
}

Tensor Tensor::zeros(const Shape& shape, DType dtype, Device device) {
  Tensor result = empty(shape, dtype, device);
  const auto bytes = static_cast<size_t>(result.nbytes());
  if (device.is_cpu()) {
    std::memset(result.mutable_bytes(), 0, bytes);
  } else {
    cuda::zero_bytes(result.mutable_bytes(), device.index, bytes);
  }
  return result;
}

Tensor Tensor::full(const Shape& shape, double value, DType dtype, Device device) {
  Tensor host = empty(shape, dtype);
  visit_any(dtype, [&]<class T>() { std::ranges::fill(host.mutable_values<T>(), element_from<T>(value)); });
  return host.to(device);
}

Tensor Tensor::arange(int64_t count, DType dtype, Device device) {
  Tensor host = empty({count}, dtype);
  visit_any(dtype, [&]<class T>() {
    int64_t i = 0;
    for (T& element : host.mutable_values<T>()) element = element_from<T>(static_cast<double>(i++));
  });
  return host.to(device);
}

Tensor Tensor::arange(double begin, double end, double step, DType dtype, Device device) {
  const double count = std::max(0.0, std::ceil((end - begin) / step));
  if (!std::isfinite(begin) || !std::isfinite(end) || !std::isfinite(step) || !(count < 0x1p62)) {
    fail<ValueError>("arange: there are no steps of {} from {} to {}", step, begin, end);
  }
  Tensor host = empty({static_cast<int64_t>(count)}, dtype);
  visit_any(dtype, [&]<class T>() {
    double i = 0;
    for (T& element : host.mutable_values<T>()) element = element_from<T>(begin + step * i++);
  });
  return host.to(device);
}

template <class T>
Tensor Tensor::from(std::span<const T> values, const Shape& shape) {
  if (static_cast<int64_t>(values.size()) != shape.numel()) {
    fail<ShapeError>("{} values do not fill a tensor {}", values.size(), shape);
  }
  Tensor result = empty(shape, dtype_of<T>);
  std::ranges::copy(values, result.mutable_data<T>());
  return result;
}

template Tensor Tensor::from(std::span<const float>, const Shape&);
template Tensor Tensor::from(std::span<const double>, const Shape&);
template Tensor Tensor::from(std::span<const bf16>, const Shape&);
template Tensor Tensor::from(std::span<const int32_t>, const Shape&);
template Tensor Tensor::from(std::span<const int64_t>, const Shape&);
template Tensor Tensor::from(std::span<const uint8_t>, const Shape&);

Device Tensor::device() const {
  require_defined();
  return storage_->device;
}

const std::byte* Tensor::bytes() const {
  require_defined();
  return static_cast<const std::byte*>(storage_->data) + offset_bytes_;
}

void Tensor::mark_changed() {
  require_defined();
  storage_->version.fetch_add(1, std::memory_order_relaxed);
}

std::byte* Tensor::mutable_bytes() {
  mark_changed();
  return static_cast<std::byte*>(storage_->data) + offset_bytes_;
}

double Tensor::item() const {
  if (numel() != 1) fail<ShapeError>("item() needs a tensor with one element, got {}", shape_);
  return to_doubles().front();
}

std::vector<double> Tensor::to_doubles() const {
  const Tensor host = to(Device::cpu());
  std::vector<double> result(static_cast<size_t>(numel()));
  visit_any(dtype_, [&]<class T>() {
    std::ranges::transform(host.values<T>(), result.begin(), [](T v) {
      if constexpr (std::is_same_v<T, bf16>) {
        return static_cast<double>(static_cast<float>(v));
      } else {
        return static_cast<double>(v);
      }
    });
  });
  return result;
}

Tensor Tensor::reshape(std::span<const int64_t> sizes) const {
  require_defined();
  std::array<int64_t, Shape::kMaxRank> resolved{};
  if (sizes.size() > resolved.size())
    fail<ShapeError>("reshape: at most {} axes, got {}", resolved.size(), sizes.size());
  std::ranges::copy(sizes, resolved.begin());
  const auto used = std::span(resolved).first(sizes.size());
  if (const auto open = std::ranges::find(used, -1); open != used.end()) {
    *open = 1;
    const int64_t known = Shape(std::span<const int64_t>(used)).numel();
    if (known == 0 || numel() % known != 0) {
      fail<ShapeError>("reshape: cannot infer a size, {} to [{}]", shape_, fmt::join(sizes, ", "));
    }
    *open = numel() / known;
  }
  const Shape shape{std::span<const int64_t>(used)};
  if (shape.numel() != numel()) fail<ShapeError>("reshape: {} elements {} do not fit {}", numel(), shape_, shape);
  return {storage_, offset_bytes_, shape, dtype_};
}

Tensor Tensor::slice(int64_t begin, int64_t end) const {
  require_defined();
  if (rank() == 0 || begin < 0 || begin > end || end > shape_[0]) {
    fail<ShapeError>("slice: no rows [{}, {}) in shape {}", begin, end, shape_);
  }
  const int64_t row_bytes = shape_.range(1).numel() * size_of(dtype_);
  return {storage_, offset_bytes_ + begin * row_bytes, shape_.with(0, end - begin), dtype_};
}

Tensor Tensor::operator[](int64_t index) const {
  require_defined();
  if (rank() == 0 || index < 0 || index >= shape_[0]) fail<ShapeError>("there is no row {} in shape {}", index, shape_);
  Tensor row = slice(index, index + 1);
  row.shape_ = shape_.range(1);
  return row;
}

Tensor Tensor::clone() const {
  Tensor copy = empty_like(*this);
  copy.copy_from(*this);
  return copy;
}

Tensor Tensor::to(Device device) const {
  if (this->device() == device) return *this;
  Tensor copy = empty(shape_, dtype_, device);
  copy.copy_from(*this);
  return copy;
}

void Tensor::copy_from(const Tensor& from) {
  if (from.shape() != shape_) fail<ShapeError>("copy_from: {} cannot hold {}", shape_, from.shape());
  if (from.dtype() != dtype_) fail<DTypeError>("copy_from: {} cannot hold {}", dtype_, from.dtype());
  copy_memory(mutable_bytes(), device(), from.bytes(), from.device(), static_cast<size_t>(nbytes()));
}

uint64_t Tensor::version() const { return storage_ ? storage_->version.load(std::memory_order_relaxed) : 0; }

void Tensor::require_dtype(DType dtype) const {
  if (dtype != dtype_) fail<DTypeError>("expected a tensor of {}, got {} {}", dtype, dtype_, shape_);
}

void Tensor::require_cpu() const {
  if (!device().is_cpu()) fail<DeviceError>("expected a tensor on the CPU, got one on {}; copy it with to()", device());
}

void Tensor::require_defined() const {
  if (!storage_) fail<ValueError>("an undefined tensor was used");
}

}  // namespace divvy
