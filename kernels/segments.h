#pragma once

#include "tensor/tensor.h"

namespace divvy {

/// How the rows of an operation are divided among stacked experts: rows [offsets[e], offsets[e + 1]) belong to expert
/// e. An empty segment is normal. A default-constructed Segments stands for one expert that has every row.
struct Segments {
  Tensor offsets;  ///< i64 [E + 1]: not decreasing, offsets[0] = 0, offsets[E] = N, the number of rows
  /// i64 [N], optional: row i is read from row sample[i] of the input, so that a batch need not be copied to each
  /// expert that reads it. Only operations that say so take it.
  Tensor sample;

  bool grouped() const { return offsets.defined(); }
  int64_t experts() const { return grouped() ? offsets.numel() - 1 : 1; }
  /// N, the number of rows in all segments, for an input with `input_rows` rows.
  int64_t rows(int64_t input_rows) const { return sample.defined() ? sample.numel() : input_rows; }
};

namespace kernels {

/// Throws ShapeError, DTypeError, DeviceError or ValueError unless `segments` lie on `device` and divide the rows of an
/// input with `input_rows` rows among `experts` experts. Reads the offsets and samples where they are on the CPU.
void check_segments(const char* op, const Segments& segments, int64_t experts, int64_t input_rows, Device device);

}  // namespace kernels
}  // namespace divvy
