#pragma once

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tensor/device.h"
#include "tensor/dtype.h"
#include "tensor/shape.h"

namespace divvy {

namespace detail {
struct Storage;
}

/// A handle on shared, typed, 64-byte-aligned memory of one device. Copying a Tensor shares the memory; clone() copies
/// it.
///
/// Always row-major and contiguous: a view is a reshape or a range of the leading axis, and nothing else. Transposition
/// and broadcasting are operations that copy; kernels/ops.h has arithmetic, ranges of any axis, concat and stack. A
/// default-constructed Tensor is undefined and stands for "none".
class Tensor {
 public:
  Tensor() = default;

  /// A tensor with uninitialized elements. Throws OutOfMemoryError, DeviceError.
  static Tensor empty(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor empty_like(const Tensor& other) { return empty(other.shape(), other.dtype(), other.device()); }
  static Tensor zeros(const Shape& shape, DType dtype = DType::f32, Device device = {});
  static Tensor zeros_like(const Tensor& other) { return zeros(other.shape(), other.dtype(), other.device()); }
  static Tensor ones(const Shape& shape, DType dtype = DType::f32, Device device = {}) {
    return full(shape, 1, dtype, device);
  }
  static Tensor ones_like(const Tensor& other) { return ones(other.shape(), other.dtype(), other.device()); }
  /// A tensor filled with `value`. Throws ValueError if an integer `dtype` cannot represent it.
  static Tensor full(const Shape& shape, double value, DType dtype = DType::f32, Device device = {});
  static Tensor scalar(double value, DType dtype = DType::f32, Device device = {}) {
    return full({}, value, dtype, device);
  }
  /// The vector 0, 1, ..., count - 1. Throws ShapeError for a negative count and ValueError if an integer `dtype`
  /// cannot represent one of them; a floating-point one gets the nearest values.
  static Tensor arange(int64_t count, DType dtype = DType::i64, Device device = {});
  /// The vector begin, begin + step, begin + 2 step, ... up to but excluding `end`: ceil((end - begin) / step)
  /// elements, or none if that is negative. Each element is computed independently, in double. Throws ValueError for a
  /// step of 0, for limits that are not finite, and if an integer `dtype` cannot represent one of the elements.
  static Tensor arange(double begin, double end, double step = 1, DType dtype = DType::f32, Device device = {});
  /// A tensor on the CPU with a copy of `values`; throws ShapeError unless there are shape.numel() of them. T is an
  /// element type.
  template <class T>
  static Tensor from(std::span<const T> values, const Shape& shape);
  template <class T>
  static Tensor from(const std::vector<T>& values, const Shape& shape) {
    return from(std::span<const T>(values), shape);
  }
  template <class T>
  static Tensor from(std::initializer_list<T> values, const Shape& shape) {
    return from(std::span<const T>(values.begin(), values.size()), shape);
  }
  /// A vector: from({1., 2., 3.}).
  template <class T>
  static Tensor from(std::initializer_list<T> values) {
    return from(values, Shape{static_cast<int64_t>(values.size())});
  }

  bool defined() const { return storage_ != nullptr; }
  explicit operator bool() const { return defined(); }
  const Shape& shape() const { return shape_; }
  int rank() const { return shape_.rank(); }
  int64_t size(int axis) const { return shape_[axis]; }
  int64_t numel() const { return shape_.numel(); }
  int64_t nbytes() const { return numel() * size_of(dtype_); }
  DType dtype() const { return dtype_; }
  Device device() const;

  /// The elements. Throws DTypeError if T is not the tensor's type.
  template <class T>
  const T* data() const {
    require_dtype(dtype_of<T>);
    return reinterpret_cast<const T*>(bytes());
  }
  /// The elements, for writing. Marks the memory as changed (see version()).
  template <class T>
  T* mutable_data() {
    require_dtype(dtype_of<T>);
    return reinterpret_cast<T*>(mutable_bytes());
  }
  const std::byte* bytes() const;
  std::byte* mutable_bytes();

  /// The elements of a tensor on the CPU. Throws DeviceError if it is on another device.
  template <class T>
  std::span<const T> values() const {
    require_cpu();
    return {data<T>(), static_cast<size_t>(numel())};
  }
  template <class T>
  std::span<T> mutable_values() {
    require_cpu();
    return {mutable_data<T>(), static_cast<size_t>(numel())};
  }
  /// The value of a tensor with one element, whatever its type and device. Throws ShapeError otherwise.
  double item() const;
  /// All elements converted to double, from any type and device.
  std::vector<double> to_doubles() const;

  /// A view with another shape. One size may be -1 and is inferred from the others, which a Shape could not express.
  Tensor reshape(std::initializer_list<int64_t> sizes) const { return reshape(std::span(sizes.begin(), sizes.size())); }
  Tensor reshape(std::span<const int64_t> sizes) const;
  Tensor reshape(const Shape& shape) const { return reshape(std::span(shape.begin(), shape.end())); }
  /// A view of [begin, end) of the leading axis. Throws ShapeError out of range.
  Tensor slice(int64_t begin, int64_t end) const;
  /// A view of one entry of the leading axis, without that axis. Throws ShapeError out of range.
  Tensor operator[](int64_t index) const;

  Tensor clone() const;
  /// This tensor if it is on `device`, else a copy there.
  Tensor to(Device device) const;
  /// Copies the elements of `from`, of equal shape and type, over this tensor's; the devices may differ.
  void copy_from(const Tensor& from);

  /// The number of writes to the memory through any handle; autograd compares it to detect a saved value that was
  /// changed.
  uint64_t version() const;
  /// Counts a write that bypassed the handles, such as that of a replayed graph.
  void mark_changed();
  /// Whether both are handles on the same memory, possibly on different parts of it.
  bool shares_memory_with(const Tensor& other) const { return defined() && storage_ == other.storage_; }
  /// Whether this is the only handle on its memory.
  bool is_unique() const { return storage_.use_count() == 1; }

 private:
  Tensor(std::shared_ptr<detail::Storage> storage, int64_t offset_bytes, const Shape& shape, DType dtype)
      : storage_(std::move(storage)), offset_bytes_(offset_bytes), shape_(shape), dtype_(dtype) {}
  void require_dtype(DType dtype) const;
  void require_cpu() const;
  void require_defined() const;

  std::shared_ptr<detail::Storage> storage_;
  int64_t offset_bytes_ = 0;
  Shape shape_;
  DType dtype_ = DType::f32;
};

}  // namespace divvy
