#pragma once

#include <cstdint>

#include "tensor/choices.h"
#include "tensor/device.h"

namespace divvy {

/// What the operands of an f32 product are rounded to before they are multiplied; sums are in f32 always. f32: not at
/// all. tf32 keeps 10 bits of the mantissa, for the tensor cores of a GPU; bf16 keeps 7, for those and for processors
/// with AMX or AVX512_BF16.
///
/// Each operation that multiplies matrices takes it as an argument and uses it if the hardware can: on CUDA for grouped
/// products and feed_forward, on the CPU for all products, including those of convolutions, except in small stacks
/// (kernels/small_stack.h). Otherwise products are exact: on a CPU with tf32, on one without bf16 products, and in f64.
enum class Precision : uint8_t { f32, tf32, bf16 };
inline constexpr Choice<Precision> kPrecisions[] = {
    {Precision::f32, "f32"}, {Precision::bf16, "bf16"}, {Precision::tf32, "tf32"}};
constexpr std::span<const Choice<Precision>> choices(Precision) { return kPrecisions; }

namespace kernels {

/// Whether products on `device` can be in that precision: f32 everywhere, all of them on a GPU.
bool has_precision(Device device, Precision precision);

}  // namespace kernels
}  // namespace divvy
