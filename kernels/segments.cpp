#include "kernels/segments.h"

#include "kernels/check.h"

namespace divvy::kernels {

void check_segments(const char* op, const Segments& segments, int64_t experts, int64_t input_rows, Device device) {
  for (const Tensor& part : {segments.offsets, segments.sample}) {
    if (part.defined() && part.device() != device) {
      fail<DeviceError>("{}: segments are on {}, the other operands are on {}", op, part.device(), device);
    }
  }
  if (segments.sample.defined()) {
    check::rank(op, "segments.sample", segments.sample, 1);
    check::indices(op, "segments.sample", segments.sample, input_rows);
  }
  if (!segments.grouped()) {
    if (experts != 1) fail<ShapeError>("{}: {} experts need segments, got none", op, experts);
    return;
  }
  check::dtype(op, "segments.offsets", segments.offsets, DType::i64);
  check::shape(op, "segments.offsets", segments.offsets, Shape{experts + 1});
  if (!segments.offsets.device().is_cpu()) return;
  const auto offsets = segments.offsets.values<int64_t>();
  const int64_t rows = segments.rows(input_rows);
  for (size_t e = 0; e + 1 < offsets.size(); ++e) {
    if (offsets[e + 1] < offsets[e]) {
      fail<ValueError>("{}: segments.offsets decrease at expert {}: {} to {}", op, e, offsets[e], offsets[e + 1]);
    }
  }
  if (offsets.front() != 0 || offsets.back() != rows) {
    fail<ValueError>("{}: segments.offsets must run from 0 to {}, got {} to {}", op, rows, offsets.front(),
                     offsets.back());
  }
}

}  // namespace divvy::kernels
