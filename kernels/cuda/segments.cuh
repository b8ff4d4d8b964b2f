#pragma once

#include <cuda_runtime.h>

#include "kernels/segments.h"
#include "tensor/cuda/fault.h"

/// Segments as a kernel reads them. Their offsets are known to the device alone, and no kernel waits for the host to
/// learn them: blocks are started for the most tiles there can be, and each finds its expert and rows by itself.
namespace divvy::kernels::cuda {

/// The rows [begin, end) of one expert, or some of them.
struct RowRange {
  int64_t expert, begin, end;
  __device__ int64_t rows() const { return end - begin; }
};

struct DeviceSegments {
  const int64_t* offsets;  ///< null: one expert has all the rows
  const int64_t* sample;   ///< null: row i is read from row i
  int64_t experts, rows, sources;
  divvy::cuda::Fault fault;

  /// Offsets that are out of order or range give fewer rows, never rows that are not there.
  __device__ int64_t begin(int64_t expert) const {
    if (offsets == nullptr) return 0;
    const int64_t row = offsets[expert];
    if (row < 0 || row > rows) {
      fault.raise();
      return row < 0 ? 0 : rows;
    }
    return row;
  }
  __device__ int64_t end(int64_t expert) const { return offsets == nullptr ? rows : begin(expert + 1); }
  __device__ RowRange all_of(int64_t expert) const { return {expert, begin(expert), end(expert)}; }

  /// The expert that has `row`.
  __device__ int64_t expert_of(int64_t row) const {
    if (offsets == nullptr) return 0;
    int64_t low = 0, high = experts;  // offsets[low] <= row, and offsets[high] > row where high < experts
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (offsets[middle] <= row ? low : high) = middle;
    }
    return low;
  }

  /// The row that row i is read from, or -1 where there is none.
  __device__ int64_t source(int64_t i) const {
    if (sample == nullptr) return i;
    const int64_t row = sample[i];
    if (row >= 0 && row < sources) return row;
    fault.raise();
    return -1;
  }
};

/// What `op` reads of the segments of an input with `sources` rows, for N = `rows` rows; `fault_text` is a literal that
/// begins with the name of the operation.
inline DeviceSegments on_device(const Segments& segments, int64_t experts, int64_t rows, int64_t sources, Device device,
                                const char* fault_text) {
  return {segments.grouped() ? segments.offsets.data<int64_t>() : nullptr,
          segments.sample.defined() ? segments.sample.data<int64_t>() : nullptr,
          experts,
          rows,
          sources,
          divvy::cuda::fault(device.index, fault_text)};
}

/// The rows of each expert, `per_row` units each (pixels, say), cut into pieces of `length` units. With begin / length
/// + e as the number of the first piece of expert e no two pieces share a number, the numbers need no sum over experts,
/// and there are rows / length + experts of them at most. An expert has one piece at least, which is empty where the
/// expert is; numbers that stand for no piece are left over.
struct Pieces {
  int64_t length, per_row = 1;

  int64_t most(int64_t rows, int64_t experts) const { return rows * per_row / length + experts; }
  __device__ int64_t first(const DeviceSegments& s, int64_t expert) const {
    return s.begin(expert) * per_row / length + expert;
  }

  /// The units [begin, end) of piece `number` and which of its expert's it is; false where the number stands for none.
  __device__ bool find(const DeviceSegments& s, int64_t number, RowRange& units, int64_t& index) const {
    int64_t low = 0, high = s.experts;
    while (high - low > 1) {
      const int64_t middle = (low + high) / 2;
      (first(s, middle) <= number ? low : high) = middle;
    }
    index = number - first(s, low);
    units.expert = low;
    units.begin = s.begin(low) * per_row + index * length;
    units.end = s.end(low) * per_row;
    if (index < 0 || (index > 0 && units.begin >= units.end)) return false;
    if (units.end < units.begin) units.end = units.begin;
    if (units.end > units.begin + length) units.end = units.begin + length;
    return true;
  }
};

}  // namespace divvy::kernels::cuda
