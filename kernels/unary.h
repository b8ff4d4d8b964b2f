#pragma once

#include <cstdint>
#include <string_view>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// Functions of one element. With y = f(x), the backward pass reads x or y, whichever is listed, and nothing else:
///
///     op        y                          dy/dx                    reads
///     exp       e^x                        y                        y
///     log       ln x                       1 / x                    x
///     sqrt      x^(1/2)                    1 / (2 y)                y
///     rsqrt     x^(-1/2)                   -y^3 / 2                 y
///     abs       |x|                        sign x, 0 at 0           x
///     tanh      tanh x                     1 - y^2                  y
///     sigmoid   1 / (1 + e^-x)             y (1 - y)                y
///     relu      max(x, 0)                  1 where y > 0, else 0    y
///     gelu      x P(x)                     P(x) + x p(x)            x
///     softplus  ln(1 + e^x)                1 - e^-y                 y
///     erf       2/sqrt(pi) int_0^x e^-tt   2/sqrt(pi) e^(-x^2)      x
///     neg       -x                         -1                       -
///     square    x^2                        2 x                      x
///
/// P and p are the distribution function and the density of the standard normal distribution (the exact gelu of
/// Hendrycks and Gimpel, 2016). sigmoid and softplus neither overflow nor lose small results for any x. A NaN stays
/// NaN.
enum class Unary : uint8_t { exp, log, sqrt, rsqrt, abs, tanh, sigmoid, relu, gelu, softplus, erf, neg, square };

constexpr std::string_view name_of(Unary op) {
  constexpr std::string_view names[] = {"exp",  "log",  "sqrt",     "rsqrt", "abs", "tanh",  "sigmoid",
                                        "relu", "gelu", "softplus", "erf",   "neg", "square"};
  return names[static_cast<int>(op)];
}

/// What the backward pass of an operation reads.
enum class Reads : uint8_t { nothing, x, y };

constexpr Reads backward_reads(Unary op) {
  switch (op) {
    case Unary::log:
    case Unary::abs:
    case Unary::gelu:
    case Unary::erf:
    case Unary::square: return Reads::x;
    case Unary::neg: return Reads::nothing;
    default: return Reads::y;
  }
}

/// Of x, y and dy the one that the derivative reads, dy where it reads neither.
inline const Tensor& read_by_backward(Unary op, const Tensor& x, const Tensor& y, const Tensor& dy) {
  const Reads reads = backward_reads(op);
  return reads == Reads::x ? x : reads == Reads::y ? y : dy;
}

/// y = op(x), element by element. Equal shapes, f32 or f64; y may be x.
void unary(Unary op, const Tensor& x, Tensor& y);

/// dx = dy * dy/dx, element by element. Of x and y the one that backward_reads(op) does not name may be undefined. dx
/// may be dy.
void unary_backward(Unary op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx);

DIVVY_BACKENDS(unary);
DIVVY_BACKENDS(unary_backward);

}  // namespace divvy::kernels
