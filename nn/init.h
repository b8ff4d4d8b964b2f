#pragma once

#include <cmath>
#include <cstdint>

#include "autograd/variable.h"
#include "tensor/generator.h"

/// Initial values. All functions overwrite the value of a parameter, of a single layer or of stacked experts; the
/// latter are drawn expert by expert, each like a single layer with the fan of one expert. They throw ValueError for
/// arguments that are not finite or out of range, and DTypeError unless the parameter is f32 or f64.
namespace divvy::nn::init {

/// The fan-in and fan-out of a weight [out, in, ...]: in and out, each times the product of the remaining axes (the
/// kernel of a convolution).
struct Fans {
  int64_t in;
  int64_t out;
};

/// The fans of one expert. Throws ShapeError unless the weight of one expert has rank 2 or more.
Fans fans(const Variable& weight);

void constant(const Variable& parameter, double value);
inline void zeros(const Variable& parameter) { constant(parameter, 0); }
void uniform(const Variable& parameter, double low, double high, Generator& generator);
void normal(const Variable& parameter, double mean, double stddev, Generator& generator);

/// U(-b, b) with b = sqrt(6 / ((1 + a^2) fan_in)) (He et al. 2015 for a leaky ReLU of slope a). The default a = sqrt 5
/// makes b = 1 / sqrt(fan_in).
void kaiming_uniform(const Variable& weight, Generator& generator, double a = std::sqrt(5.0));
/// N(0, 2 / ((1 + a^2) fan_in)).
void kaiming_normal(const Variable& weight, Generator& generator, double a = 0);
/// U(-b, b) with b = gain sqrt(6 / (fan_in + fan_out)) (Glorot and Bengio 2010).
void xavier_uniform(const Variable& weight, Generator& generator, double gain = 1);
/// N(0, gain^2 * 2 / (fan_in + fan_out)).
void xavier_normal(const Variable& weight, Generator& generator, double gain = 1);

/// The initial values of Linear and Conv2d: weight and bias (which may be undefined) from U(-b, b) with b = 1 /
/// sqrt(fan_in of the weight). They are drawn expert by expert, the weight before the bias, so that E stacked experts
/// get the same values as E layers made one after another from the same generator.
void layer(const Variable& weight, const Variable& bias, Generator& generator);

}  // namespace divvy::nn::init
