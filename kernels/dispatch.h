#pragma once

#include "kernels/backend.h"
#include "tensor/tensor.h"

/// The integer work of a dispatch beside the sort. B samples, E experts, k choices a sample; an expert of -1 stands for
/// none. All tensors of a call are on one device; ShapeError, DTypeError and DeviceError where they do not fit,
/// ValueError for an expert outside [-1, E).
namespace divvy::kernels {

/// Every expert has every sample: offsets[e] = e B, sample[e B + b] = b, position[b, e] = e B + b.
/// offsets: i64 [E + 1]; sample: i64 [E B]; position: i64 [B, E].
void dense_dispatch(Tensor& offsets, Tensor& sample, Tensor& position);

/// position[b, j] = experts[b, j] B + b, the row of a choice in a dense dispatch, and -1 for none. experts, position:
/// i64 [B, k].
void dense_positions(const Tensor& experts, int64_t num_experts, Tensor& position);

/// experts[b, e] = e. experts: i64 [B, E].
void every_expert(Tensor& experts);

/// mask[b, e] = 1 where expert e is among the choices of sample b, else 0. experts: i64 [B, k]; mask: u8 [B, E].
void chosen_mask(const Tensor& experts, Tensor& mask);

/// sizes[e] = offsets[e + 1] - offsets[e]. offsets: i64 [E + 1]; sizes: i64 [E].
void segment_sizes(const Tensor& offsets, Tensor& sizes);

/// For a row n of expert e: known[n, c] = slots[e, c] >= 0, and place[n, c] = slots[e, c] where known, else 0. slots:
/// i64 [E, C]; offsets: i64 [E + 1], which divide N rows; place: i64 [N, C]; known: u8 [N, C].
void slots_of_rows(const Tensor& slots, const Tensor& offsets, Tensor& place, Tensor& known);

DIVVY_BACKENDS(dense_dispatch);
DIVVY_BACKENDS(dense_positions);
DIVVY_BACKENDS(every_expert);
DIVVY_BACKENDS(chosen_mask);
DIVVY_BACKENDS(segment_sizes);
DIVVY_BACKENDS(slots_of_rows);

}  // namespace divvy::kernels
