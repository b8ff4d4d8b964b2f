#include "nn/activation.h"

#include "autograd/ops/unary.h"

namespace divvy::nn {

Variable Elementwise::apply(const Variable& x) { return function_(x); }

ReLU::ReLU() : Elementwise("ReLU", divvy::relu) {}
Tanh::Tanh() : Elementwise("Tanh", divvy::tanh) {}
Sigmoid::Sigmoid() : Elementwise("Sigmoid", divvy::sigmoid) {}
GELU::GELU() : Elementwise("GELU", divvy::gelu) {}
Softplus::Softplus() : Elementwise("Softplus", divvy::softplus) {}

}  // namespace divvy::nn
