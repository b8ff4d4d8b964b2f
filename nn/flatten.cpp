#include "nn/flatten.h"

#include "autograd/ops/reshape.h"
#include "nn/read_rows.h"
#include "tensor/error.h"

namespace divvy::nn {

Flatten::Flatten(int from_axis) : from_axis_(from_axis) {
  if (from_axis < 0) fail<ValueError>("Flatten: the axis must not be negative, got {}", from_axis);
}

Variable Flatten::forward(const Variable& x, const Segments& segments) {
  return divvy::flatten(read_rows(x, segments), from_axis_);
}

std::string Flatten::describe() const { return from_axis_ == 1 ? "Flatten" : fmt::format("Flatten({})", from_axis_); }

}  // namespace divvy::nn
