#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "kernels/backend.h"
#include "tensor/tensor.h"

namespace divvy::kernels {

/// The flat index of the first NaN or infinity of x (f32 or f64), or -1 where every element is finite. Waits for the
/// device.
int64_t first_non_finite(const Tensor& x);

/// The same for each of several tensors of one device: on a GPU one pass over all of them and one wait.
std::vector<int64_t> first_non_finites(std::span<const Tensor> x);

/// Notes in `record`, on the device of x, what first_non_finites() would say, and does not wait. record: i64 [5], zeros
/// at first:
///     record[0]  how many calls with `new_run` there were
///     record[1]  record[0] at the first call that found a NaN or an infinity; 0 where none did
///     record[2]  the `source` of that call,
///     record[3]  which of its tensors it was,
///     record[4]  and the flat index of the element
void watch_finite(std::span<const Tensor> x, int64_t source, bool new_run, Tensor& record);

DIVVY_BACKENDS(first_non_finites);
DIVVY_BACKENDS(watch_finite);

}  // namespace divvy::kernels
