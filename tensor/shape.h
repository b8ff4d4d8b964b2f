#pragma once

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>

namespace divvy {

/// The sizes of a row-major array, outermost first. Rank 0 is a scalar; a size of 0 is allowed and makes the array
/// empty.
class Shape {
 public:
  static constexpr int kMaxRank = 8;

  Shape() = default;
  Shape(std::initializer_list<int64_t> sizes) : Shape(std::span(sizes.begin(), sizes.size())) {}
  /// Throws ShapeError for a negative size, for more than kMaxRank sizes, and if numel() would not fit int64_t.
  explicit Shape(std::span<const int64_t> sizes);

  int rank() const { return rank_; }
  /// The size of an axis; a negative axis counts from the back. Throws ShapeError out of range.
  int64_t operator[](int axis) const { return sizes_[static_cast<size_t>(normalize_axis(axis))]; }
  int64_t numel() const;
  const int64_t* begin() const { return sizes_.data(); }
  const int64_t* end() const { return sizes_.data() + rank_; }
  bool operator==(const Shape& other) const;

  /// Maps an axis in [-rank, rank) to [0, rank).
  int normalize_axis(int axis) const;
  /// The same shape with the size of one axis replaced.
  Shape with(int axis, int64_t size) const;
  /// The axes [from, to); `to` defaults to the end.
  Shape range(int from, int to) const;
  Shape range(int from) const { return range(from, rank_); }
  /// This shape followed by another.
  Shape concat(const Shape& other) const;
  /// The number of elements of all axes but the last (rows) and of the last (columns). A scalar is 1 x 1.
  int64_t rows() const;
  int64_t cols() const { return rank_ == 0 ? 1 : sizes_[static_cast<size_t>(rank_ - 1)]; }

  std::string to_string() const;  ///< "[2, 3]"

 private:
  std::array<int64_t, kMaxRank> sizes_{};
  int rank_ = 0;
};

/// The shape that two shapes broadcast to: aligned at the last axis, equal sizes or 1. Throws ShapeError naming `op`.
Shape broadcast_shapes(const char* op, const Shape& a, const Shape& b);

}  // namespace divvy

template <>
struct fmt::formatter<divvy::Shape> : fmt::formatter<std::string> {
  auto format(const divvy::Shape& shape, fmt::format_context& ctx) const {
    return fmt::formatter<std::string>::format(shape.to_string(), ctx);
  }
};
