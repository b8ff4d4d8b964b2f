#include "nn/init.h"

#include "tensor/error.h"

namespace divvy::nn::init {

namespace {

/// Overwrites the parameter with draw(shape, dtype), called once for each expert, or once for a single layer.
template <class Draw>
void fill_each(Variable parameter, const Draw& draw) {
  Tensor& value = parameter.mutable_value();
  if (parameter.parts() == 0) return value.copy_from(draw(value.shape(), value.dtype()).to(value.device()));
  for (int64_t e = 0; e < parameter.parts(); ++e) {
    Tensor own = value[e];
    own.copy_from(draw(own.shape(), own.dtype()).to(own.device()));
  }
}

/// 1 / sqrt(fan), or 0 for a layer without inputs.
double inverse_root(double fan) { return fan > 0 ? 1 / std::sqrt(fan) : 0; }

double bound_of_layer(const Variable& weight) { return inverse_root(static_cast<double>(fans(weight).in)); }

void require_finite(const char* init, const char* name, double value) {
  if (!std::isfinite(value)) fail<ValueError>("{}: {} must be finite, got {}", init, name, value);
}

double kaiming_scale(const char* init, const Variable& weight, double a) {
  require_finite(init, "a", a);
  return std::sqrt(2 / (1 + a * a)) * inverse_root(static_cast<double>(fans(weight).in));
}

double xavier_scale(const char* init, const Variable& weight, double gain) {
  require_finite(init, "the gain", gain);
  if (gain < 0) fail<ValueError>("{}: the gain must not be negative, got {}", init, gain);
  const Fans f = fans(weight);
  return gain * std::sqrt(2.0) * inverse_root(static_cast<double>(f.in + f.out));
}

}  // namespace

Fans fans(const Variable& weight) {
  const Shape own = weight.parts() > 0 ? weight.shape().range(1) : weight.shape();
  if (own.rank() < 2) fail<ShapeError>("init: a weight needs axes [out, in, ...], got {}", weight.shape());
  const int64_t receptive = own.range(2).numel();
  return {own[1] * receptive, own[0] * receptive};
}

void constant(const Variable& parameter, double value) {
  require_finite("constant", "the value", value);
  fill_each(parameter, [value](const Shape& shape, DType dtype) { return Tensor::full(shape, value, dtype); });
}

void uniform(const Variable& parameter, double low, double high, Generator& generator) {
  fill_each(parameter, [&](const Shape& shape, DType dtype) { return generator.uniform(shape, low, high, dtype); });
}

void normal(const Variable& parameter, double mean, double stddev, Generator& generator) {
  fill_each(parameter, [&](const Shape& shape, DType dtype) { return generator.normal(shape, mean, stddev, dtype); });
}

void kaiming_uniform(const Variable& weight, Generator& generator, double a) {
  const double bound = std::sqrt(3.0) * kaiming_scale("kaiming_uniform", weight, a);
  uniform(weight, -bound, bound, generator);
}

void kaiming_normal(const Variable& weight, Generator& generator, double a) {
  normal(weight, 0, kaiming_scale("kaiming_normal", weight, a), generator);
}

void xavier_uniform(const Variable& weight, Generator& generator, double gain) {
  const double bound = std::sqrt(3.0) * xavier_scale("xavier_uniform", weight, gain);
  uniform(weight, -bound, bound, generator);
}

void xavier_normal(const Variable& weight, Generator& generator, double gain) {
  normal(weight, 0, xavier_scale("xavier_normal", weight, gain), generator);
}

void layer(const Variable& weight, const Variable& bias, Generator& generator) {
  const double bound = bound_of_layer(weight);
  const int64_t experts = weight.parts();
  const auto draw = [&](Tensor part) {
    part.copy_from(generator.uniform(part.shape(), -bound, bound, part.dtype(), part.device()));
  };
  Variable w = weight, b = bias;
  for (int64_t e = 0; e < std::max<int64_t>(experts, 1); ++e) {
    draw(experts > 0 ? w.mutable_value()[e] : w.mutable_value());
    if (b.defined()) draw(experts > 0 ? b.mutable_value()[e] : b.mutable_value());
  }
}

}  // namespace divvy::nn::init
