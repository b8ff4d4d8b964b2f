#include "nn/softmax.h"

#include <algorithm>
#include <cmath>

#include "autograd/ops/binary.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/unary.h"
#include "kernels/softmax.h"
#include "tensor/error.h"

namespace divvy::nn {

Variable Softmax::apply(const Variable& x) { return divvy::softmax(x, temperature_); }

std::string Softmax::describe() const {
  return temperature_ == 1 ? "Softmax" : fmt::format("Softmax(temperature {})", temperature_);
}

void Softmax::set_temperature(double temperature) {
  kernels::check::temperature("Softmax", temperature);
  temperature_ = temperature;
}

Escort::Escort(double eps) : eps_(eps) {
  if (!(eps > 0) || !std::isfinite(eps)) fail<ValueError>("Escort: eps must be finite and positive, got {}", eps);
}

Variable Escort::apply(const Variable& x) {
  const Variable squares = divvy::square(x);
  if (squares.shape().rank() == 0) fail<ShapeError>("Escort: input must have rank 1 or more, got []");
  const auto classes = static_cast<double>(std::max<int64_t>(1, squares.shape().cols()));
  return (squares + eps_ / classes) / (sum(squares, {-1}, true) + eps_);
}

}  // namespace divvy::nn
