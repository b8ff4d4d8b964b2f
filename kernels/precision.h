#pragma once

#include <cstdint>
#include <string_view>

#include "tensor/device.h"

namespace divvy {

/// What the operands of an f32 product are rounded to before they are multiplied; sums are in f32 always. f32: not at
/// all. tf32 keeps 10 bits of the mantissa, for the tensor cores of a GPU; bf16 keeps 7, for those and for processors
/// with AMX or AVX512_BF16.
enum class Precision : uint8_t { f32, tf32, bf16 };

std::string_view to_string(Precision precision);

namespace kernels {

/// How products of f32 tensors are computed from now on, by the whole process, where the hardware can: f32 unless
/// something else is asked for. On CUDA these are the grouped products; on the CPU all products of matrices, those of
/// convolutions among them, but for small experts in lanes (kernels/small_stack.h). What cannot is exact: the CPU with
/// tf32, one without bf16 products, and f64.
void set_product_precision(Precision precision);
Precision product_precision();
/// Whether products on `device` can be in that precision: f32 everywhere, all of them on a GPU.
bool has_precision(Device device, Precision precision);

/// Another precision for as long as it lives.
class WithPrecision {
 public:
  explicit WithPrecision(Precision precision) : before_(product_precision()) { set_product_precision(precision); }
  ~WithPrecision() { set_product_precision(before_); }
  WithPrecision(const WithPrecision&) = delete;
  WithPrecision& operator=(const WithPrecision&) = delete;

 private:
  Precision before_;
};

}  // namespace kernels
}  // namespace divvy
