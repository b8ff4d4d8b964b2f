#include "kernels/dispatch.h"

#include "kernels/check.h"

namespace divvy::kernels {

namespace {

void integers(const char* op, const char* name, const Tensor& t, const Shape& shape, const Tensor& like) {
  check::shape(op, name, t, shape);
  check::dtype(op, name, t, DType::i64);
  check::same_device(op, name, t, like);
}

void flags(const char* op, const char* name, const Tensor& t, const Shape& shape, const Tensor& like) {
  check::shape(op, name, t, shape);
  check::dtype(op, name, t, DType::u8);
  check::same_device(op, name, t, like);
}

}  // namespace

void dense_dispatch(Tensor& offsets, Tensor& sample, Tensor& position) {
  check::rank("dense_dispatch", "position", position, 2);
  const int64_t samples = position.size(0), experts = position.size(1);
  integers("dense_dispatch", "position", position, {samples, experts}, position);
  integers("dense_dispatch", "offsets", offsets, {experts + 1}, position);
  integers("dense_dispatch", "sample", sample, {experts * samples}, position);
  DIVVY_BACKEND(position, dense_dispatch)(offsets, sample, position);
}

void dense_positions(const Tensor& experts, int64_t num_experts, Tensor& position) {
  check::rank("dense_positions", "experts", experts, 2);
  check::indices_or_none("dense_positions", "experts", experts, num_experts);
  check::same("dense_positions", "position", position, experts);
  DIVVY_BACKEND(experts, dense_positions)(experts, num_experts, position);
}

void every_expert(Tensor& experts) {
  check::rank("every_expert", "experts", experts, 2);
  check::dtype("every_expert", "experts", experts, DType::i64);
  DIVVY_BACKEND(experts, every_expert)(experts);
}

void chosen_mask(const Tensor& experts, Tensor& mask) {
  check::rank("chosen_mask", "experts", experts, 2);
  check::rank("chosen_mask", "mask", mask, 2);
  check::indices_or_none("chosen_mask", "experts", experts, mask.size(1));
  flags("chosen_mask", "mask", mask, {experts.size(0), mask.size(1)}, experts);
  DIVVY_BACKEND(experts, chosen_mask)(experts, mask);
}

void segment_sizes(const Tensor& offsets, Tensor& sizes) {
  check::rank("segment_sizes", "sizes", sizes, 1);
  integers("segment_sizes", "sizes", sizes, sizes.shape(), offsets);
  integers("segment_sizes", "offsets", offsets, {sizes.numel() + 1}, sizes);
  DIVVY_BACKEND(offsets, segment_sizes)(offsets, sizes);
}

void slots_of_rows(const Tensor& slots, const Tensor& offsets, Tensor& place, Tensor& known) {
  check::rank("slots_of_rows", "slots", slots, 2);
  check::rank("slots_of_rows", "place", place, 2);
  const Shape shape{place.size(0), slots.size(1)};
  integers("slots_of_rows", "slots", slots, slots.shape(), slots);
  integers("slots_of_rows", "offsets", offsets, {slots.size(0) + 1}, slots);
  integers("slots_of_rows", "place", place, shape, slots);
  flags("slots_of_rows", "known", known, shape, slots);
  DIVVY_BACKEND(slots, slots_of_rows)(slots, offsets, place, known);
}

}  // namespace divvy::kernels
