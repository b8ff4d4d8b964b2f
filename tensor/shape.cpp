#include "tensor/shape.h"

#include <algorithm>

#include "tensor/error.h"

namespace divvy {

Shape::Shape(std::span<const int64_t> sizes) : rank_(static_cast<int>(sizes.size())) {
  if (sizes.size() > kMaxRank) fail<ShapeError>("a shape has at most {} axes, got {}", kMaxRank, sizes.size());
  std::copy(sizes.begin(), sizes.end(), sizes_.begin());
  int64_t product = 1;
  for (int64_t size : sizes) {
    if (size < 0) fail<ShapeError>("a shape has no negative sizes, got {}", to_string());
    // Zeros are skipped, so that a huge shape with an empty axis is refused too: its strides would overflow.
    if (size > 0 && __builtin_mul_overflow(product, size, &product)) {
      fail<ShapeError>("{} has more elements than int64 can count", to_string());
    }
  }
}

int64_t Shape::numel() const {
  int64_t product = 1;
  for (int64_t size : *this) product *= size;
  return product;
}

bool Shape::operator==(const Shape& other) const { return std::equal(begin(), end(), other.begin(), other.end()); }

int Shape::normalize_axis(int axis) const {
  if (axis < -rank_ || axis >= rank_) fail<ShapeError>("axis {} is out of range for shape {}", axis, to_string());
  return axis < 0 ? axis + rank_ : axis;
}

Shape Shape::with(int axis, int64_t size) const {
  Shape copy = *this;
  copy.sizes_[static_cast<size_t>(normalize_axis(axis))] = size;
  return Shape(std::span(copy.begin(), copy.end()));
}

Shape Shape::range(int from, int to) const {
  if (from < 0 || to > rank_ || from > to) fail<ShapeError>("no axes [{}, {}) in shape {}", from, to, to_string());
  return Shape(std::span(begin() + from, begin() + to));
}

Shape Shape::concat(const Shape& other) const {
  std::array<int64_t, 2 * kMaxRank> sizes{};
  auto* last = std::copy(begin(), end(), sizes.data());
  last = std::copy(other.begin(), other.end(), last);
  return Shape(std::span<const int64_t>(sizes.data(), last));
}

int64_t Shape::rows() const { return rank_ == 0 ? 1 : range(0, rank_ - 1).numel(); }

std::string Shape::to_string() const { return fmt::format("[{}]", fmt::join(begin(), end(), ", ")); }

Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b) {
  const int rank = std::max(a.rank(), b.rank());
  std::array<int64_t, Shape::kMaxRank> sizes{};
  for (int i = 1; i <= rank; ++i) {
    const int64_t na = i <= a.rank() ? a[-i] : 1;
    const int64_t nb = i <= b.rank() ? b[-i] : 1;
    if (na != nb && na != 1 && nb != 1) fail<ShapeError>("{}: shapes {} and {} do not broadcast", op, a, b);
    sizes[static_cast<size_t>(rank - i)] = na == 1 ? nb : na;
  }
  return Shape(std::span<const int64_t>(sizes.data(), static_cast<size_t>(rank)));
}

}  // namespace divvy
