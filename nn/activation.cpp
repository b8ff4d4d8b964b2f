#include "nn/activation.h"

#include "autograd/ops/unary.h"
#include "nn/read_rows.h"

namespace divvy::nn {

Variable Elementwise::forward(const Variable& x, const Segments& segments) { return function_(read_rows(x, segments)); }

ReLU::ReLU() : Elementwise("ReLU", relu) {}
Tanh::Tanh() : Elementwise("Tanh", tanh) {}
Sigmoid::Sigmoid() : Elementwise("Sigmoid", sigmoid) {}
GELU::GELU() : Elementwise("GELU", gelu) {}
Softplus::Softplus() : Elementwise("Softplus", softplus) {}

}  // namespace divvy::nn
