#include "kernels/augment.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

/// More than any image has, and twice it does not overflow.
constexpr int64_t kLargest = int64_t{1} << 31;

void check_images(const char* op, const Tensor& x, const Tensor& y) {
  check::rank(op, "input", x, 4);
  if (x.dtype() != DType::f32 && x.dtype() != DType::u8) {
    fail<DTypeError>("{}: input must be f32 or u8, got {}", op, x.dtype());
  }
  check::same(op, "output", y, x);
  if (x.numel() > 0 && y.shares_memory_with(x)) fail<ValueError>("{}: the output must not be the input", op);
}

void check_choice(const char* op, const char* name, const Tensor& choice, DType dtype, const Tensor& x) {
  check::dtype(op, name, choice, dtype);
  check::shape(op, name, choice, {x.size(0)});
  check::same_device(op, name, choice, x);
}

}  // namespace

void flip_horizontal(const Tensor& x, const Tensor& flip, Tensor& y) {
  check_images("flip_horizontal", x, y);
  check_choice("flip_horizontal", "flip", flip, DType::u8, x);
  DIVVY_BACKEND(x, flip_horizontal)(x, flip, y);
}

void crop(const Tensor& x, const Tensor& top, const Tensor& left, int64_t padding, Padding mode, Tensor& y) {
  check_images("crop", x, y);
  check_choice("crop", "top", top, DType::i64, x);
  check_choice("crop", "left", left, DType::i64, x);
  if (padding < 0 || padding > kLargest) fail<ValueError>("crop: padding must lie in [0, 2^31], got {}", padding);
  if (mode == Padding::reflect && x.numel() > 0 && (padding >= x.size(2) || padding >= x.size(3))) {
    fail<ValueError>("crop: images of {} cannot be reflected by {} pixels", x.shape(), padding);
  }
  check::indices("crop", "top", top, 2 * padding + 1);
  check::indices("crop", "left", left, 2 * padding + 1);
  DIVVY_BACKEND(x, crop)(x, top, left, padding, mode, y);
}

}  // namespace divvy::kernels
