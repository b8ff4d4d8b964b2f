#pragma once

#include <span>

#include "kernels/backend.h"
#include "tensor/tensor.h"

/// Sums over the batches of an epoch, kept where they are computed. Nothing here waits for a device.
namespace divvy::kernels {

/// sums[0, i] += factor * values[i] and sums[1, i] = values[i], in double. values: n tensors with one element, f32 or
/// f64; factors: n numbers; sums: f64 [2, n].
void accumulate_metrics(std::span<const Tensor> values, std::span<const double> factors, Tensor& sums);

/// count += the number of rows b of `output` whose largest entry, the first of equal ones, is at labels[b]. output:
/// [B, C] f32 or f64, C > 0; labels: i64 [B]; count: i64 []. A row whose first entry is NaN has its largest there, and
/// a NaN elsewhere is passed over.
void count_correct(const Tensor& output, const Tensor& labels, Tensor& count);

DIVVY_BACKENDS(accumulate_metrics);
DIVVY_BACKENDS(count_correct);

}  // namespace divvy::kernels
