#include "kernels/counting_sort.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

// With more, adding up the counts of so many tiles would take longer than the pass that they save.
constexpr int64_t kMostCounts = 1 << 14;

Shape shape_of_counts(int64_t samples, int64_t num_experts) {
  const int64_t tile = counted_samples(samples);
  return {num_experts + 1, (samples + tile - 1) / tile};
}

}  // namespace

Tensor counts_buffer(int64_t samples, int64_t k, int64_t num_experts, Device device) {
  if (device.is_cpu() || samples * k <= kSortTile) return {};
  const Shape shape = shape_of_counts(samples, num_experts);
  if (shape[1] == 1 || shape.numel() > kMostCounts) return {};
  return Tensor::empty(shape, DType::i64, device);
}

void check::counts(const char* op, const Tensor& counts, int64_t num_experts, const Tensor& of) {
  if (!counts.defined()) return;
  check::shape(op, "counts", counts, shape_of_counts(of.size(0), num_experts));
  check::dtype(op, "counts", counts, DType::i64);
  check::same_device(op, "counts", counts, of);
  if (counts.numel() > kMostCounts) {
    fail<ShapeError>("{}: counts are at most {}, got {}", op, kMostCounts, counts.shape());
  }
}

CountingSort counting_sort(const Tensor& experts, int64_t num_experts, bool complete, const Tensor& counts) {
  if (num_experts < 1) fail<ValueError>("counting_sort: needs at least one expert, got {}", num_experts);
  check::rank("counting_sort", "experts", experts, 2);
  if (complete) {
    check::indices("counting_sort", "experts", experts, num_experts);
  } else {
    check::indices_or_none("counting_sort", "experts", experts, num_experts);
  }
  check::counts("counting_sort", counts, num_experts, experts);
  return DIVVY_BACKEND(experts, counting_sort)(experts, num_experts, complete, counts);
}

}  // namespace divvy::kernels
