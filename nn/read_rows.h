#pragma once

#include "autograd/variable.h"
#include "kernels/segments.h"

namespace divvy::nn {

/// The rows that a module is to work on: x where the segments have no sample, else rows sample[i] of x [R, ...] as a
/// tensor [N, ...]. For modules that cannot read through the sample themselves.
Variable read_rows(const Variable& x, const Segments& segments);

}  // namespace divvy::nn
