#pragma once

#include <initializer_list>
#include <string_view>

#include "tensor/error.h"
#include "tensor/tensor.h"

/// Preconditions that the public kernels check once, before they call a backend. Each names the operation and the
/// operand, and shows what was expected and what was given.
namespace divvy::kernels::check {

inline void defined(std::string_view op, std::string_view name, const Tensor& t) {
  if (!t.defined()) fail<ValueError>("{}: {} is undefined", op, name);
}

inline void rank(std::string_view op, std::string_view name, const Tensor& t, int expected) {
  defined(op, name, t);
  if (t.rank() != expected) fail<ShapeError>("{}: {} must have rank {}, got {}", op, name, expected, t.shape());
}

inline void min_rank(std::string_view op, std::string_view name, const Tensor& t, int least) {
  defined(op, name, t);
  if (t.rank() < least) fail<ShapeError>("{}: {} must have rank {} or more, got {}", op, name, least, t.shape());
}

/// `axis` counts from the front in [0, rank) or from the back in [-rank, 0).
inline void axis(std::string_view op, const Shape& shape, int axis) {
  if (axis < -shape.rank() || axis >= shape.rank()) {
    fail<ShapeError>("{}: axis {} is out of range for shape {}", op, axis, shape);
  }
}

inline void shape(std::string_view op, std::string_view name, const Tensor& t, const Shape& expected) {
  defined(op, name, t);
  if (t.shape() != expected) fail<ShapeError>("{}: {} must be {}, got {}", op, name, expected, t.shape());
}

inline void dtype(std::string_view op, std::string_view name, const Tensor& t, DType expected) {
  defined(op, name, t);
  if (t.dtype() != expected) fail<DTypeError>("{}: {} must be {}, got {}", op, name, expected, t.dtype());
}

/// f32 or f64.
inline void floating(std::string_view op, std::string_view name, const Tensor& t) {
  defined(op, name, t);
  if (t.dtype() != DType::f32 && t.dtype() != DType::f64) {
    fail<DTypeError>("{}: {} must be f32 or f64, got {}", op, name, t.dtype());
  }
}

inline void same_device(std::string_view op, std::string_view name, const Tensor& t, const Tensor& like) {
  defined(op, name, t);
  if (t.device() != like.device()) {
    fail<DeviceError>("{}: {} is on {}, the other operands are on {}", op, name, t.device(), like.device());
  }
}

/// The dtype and device of `t` are those of `like`.
inline void same_kind(std::string_view op, std::string_view name, const Tensor& t, const Tensor& like) {
  dtype(op, name, t, like.dtype());
  same_device(op, name, t, like);
}

/// Shape, dtype and device of `t` are those of `like`.
inline void same(std::string_view op, std::string_view name, const Tensor& t, const Tensor& like) {
  shape(op, name, t, like.shape());
  same_kind(op, name, t, like);
}

/// Every index lies in [0, limit). Reads the indices, so only where they come from a user and live on the CPU.
void indices(std::string_view op, std::string_view name, const Tensor& index, int64_t limit);

/// The same for indices in [-1, limit), where -1 stands for none.
void indices_or_none(std::string_view op, std::string_view name, const Tensor& index, int64_t limit);

}  // namespace divvy::kernels::check
