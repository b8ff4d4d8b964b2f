#include "nn/flatten.h"

#include "autograd/ops/reshape.h"
#include "tensor/error.h"

namespace divvy::nn {

Flatten::Flatten(int from_axis) : from_axis_(from_axis) {
  if (from_axis < 0) fail<ValueError>("Flatten: the axis must not be negative, got {}", from_axis);
}

Variable Flatten::apply(const Variable& x) { return divvy::flatten(x, from_axis_); }

std::string Flatten::describe() const { return from_axis_ == 1 ? "Flatten" : fmt::format("Flatten({})", from_axis_); }

}  // namespace divvy::nn
