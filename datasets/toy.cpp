#include "datasets/toy.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

namespace divvy::data {

namespace {

struct Point2 {
  double x = 0;
  double y = 0;
};

double squared_distance(Point2 a, Point2 b) { return (a.x - b.x) * (a.x - b.x) + (a.y - b.y) * (a.y - b.y); }

void check_count(const char* name, int64_t count, int64_t least) {
  if (count < least) fail<ValueError>("{}: needs at least {} points, got {}", name, least, count);
}

/// The dataset of these points and labels.
Dataset build(const char* name, const std::vector<Point2>& points, const std::vector<int64_t>& labels,
              int64_t classes) {
  Dataset d;
  d.name = name;
  d.x = Tensor::empty({static_cast<int64_t>(points.size()), 2});
  float* out = d.x.mutable_data<float>();
  for (const Point2 p : points) {
    *out++ = static_cast<float>(p.x);
    *out++ = static_cast<float>(p.y);
  }
  d.y = Tensor::from(labels, {static_cast<int64_t>(labels.size())});
  d.classes = classes;
  check(d, name);
  return d;
}

std::vector<Point2> pairs(const Tensor& numbers) {
  const double* in = numbers.data<double>();
  std::vector<Point2> points(static_cast<size_t>(numbers.size(0)));
  for (size_t i = 0; i < points.size(); ++i) points[i] = {in[2 * i], in[2 * i + 1]};
  return points;
}

std::vector<Point2> square_points(Generator& generator, int64_t count) {
  return pairs(generator.uniform({count, 2}, -1, 1, DType::f64));
}

std::vector<Point2> normal_points(Generator& generator, int64_t count, double stddev = 1) {
  return pairs(generator.normal({count, 2}, 0, stddev, DType::f64));
}

/// The class of a field: 1 if the sum of its row and column, both rounded up, is odd.
int64_t field(double column, double row) {
  return std::abs(static_cast<int64_t>(std::ceil(column)) + static_cast<int64_t>(std::ceil(row))) % 2;
}

std::vector<Point2> spread_centers(Generator& generator, int64_t count) {
  constexpr int64_t kCandidates = 1000;
  std::vector<Point2> candidates;
  for (const auto [u, v] : pairs(generator.uniform({kCandidates, 2}, 0, 1, DType::f64))) {
    const double radius = std::sqrt(u), angle = 2 * std::numbers::pi * v;
    candidates.push_back({radius * std::cos(angle), radius * std::sin(angle)});
  }
  std::vector<Point2> centers{candidates[static_cast<size_t>(generator.integer(kCandidates))]};
  while (static_cast<int64_t>(centers.size()) < count) {
    std::vector<double> cumulated;
    double sum = 0;
    for (const Point2 p : candidates) {
      double nearest = std::numeric_limits<double>::infinity();
      for (const Point2 c : centers) nearest = std::min(nearest, squared_distance(p, c));
      cumulated.push_back(sum += nearest * nearest);
    }
    // Chosen centers have weight 0, so the first sum above the draw is never that of a chosen one.
    const auto drawn = std::ranges::upper_bound(cumulated, generator.uniform() * sum);
    centers.push_back(
        candidates[static_cast<size_t>(std::min(drawn - cumulated.begin(), std::ptrdiff_t{kCandidates - 1}))]);
  }
  return centers;
}

/// Rescales one coordinate of the points to [low, high].
template <class Coordinate>
void stretch(std::span<Point2> points, Coordinate coordinate, double low, double high) {
  if (points.empty()) return;
  const auto [least, most] = std::ranges::minmax(points, {}, coordinate);
  const double from = least.*coordinate, width = most.*coordinate - from;
  for (Point2& p : points) p.*coordinate = width > 0 ? low + (high - low) * (p.*coordinate - from) / width : low;
}

void standardize(std::vector<Point2>& points, double Point2::*coordinate) {
  const auto n = static_cast<double>(points.size());
  double mean = 0, variance = 0;
  for (const Point2& p : points) mean += p.*coordinate / n;
  for (const Point2& p : points) variance += (p.*coordinate - mean) * (p.*coordinate - mean) / n;
  const double deviation = variance > 0 ? std::sqrt(variance) : 1;
  for (Point2& p : points) p.*coordinate = (p.*coordinate - mean) / deviation;
}

}  // namespace

Dataset multi_class(Generator& generator, int64_t count, int64_t classes) {
  if (classes < 1 || classes > 1000) fail<ValueError>("multi_class: needs 1 to 1000 classes, got {}", classes);
  check_count("multi_class", count, classes);
  const auto centers = spread_centers(generator, classes);
  std::vector<Point2> points = normal_points(generator, count);
  std::vector<int64_t> labels;
  for (int64_t c = 0; c < classes; ++c) {
    const Point2 center = centers[static_cast<size_t>(c)];
    double nearest = classes == 1 ? 1 : std::numeric_limits<double>::infinity();
    for (const Point2 other : centers) {
      if (const double d = squared_distance(center, other); d > 0) nearest = std::min(nearest, d);
    }
    const double deviation = std::sqrt(0.06 * nearest);
    const int64_t size = count / classes + (c < count % classes ? 1 : 0);
    for (int64_t i = 0; i < size; ++i) {
      Point2& p = points[labels.size()];
      p = {(center.x + deviation * p.x + 1) / 2, (center.y + deviation * p.y + 1) / 2};
      labels.push_back(c);
    }
  }
  return build("multi-class", points, labels, classes);
}

Dataset checker_board(Generator& generator, int64_t count, int pattern) {
  check_count("checker_board", count, 0);
  if (pattern < 0 || pattern > 2) fail<ValueError>("checker_board: patterns are 0, 1 and 2, got {}", pattern);
  const auto points = square_points(generator, count);
  std::vector<int64_t> labels;
  for (const auto [x, y] : points) {
    labels.push_back(pattern == 0   ? (x * x + y * y < 0.66 ? 1 : 0)
                     : pattern == 1 ? field(1.5 * (x + 1), y + 1)
                                    : field(2 * x, 2 * y));
  }
  constexpr const char* kNames[] = {"checker-board-0", "checker-board-1", "checker-board-2"};
  return build(kNames[pattern], points, labels, 2);
}

Dataset checker_board_rotated(Generator& generator, int64_t count) {
  check_count("checker_board_rotated", count, 0);
  struct Quadrant {
    double left, bottom, degrees;
  };
  constexpr Quadrant kQuadrants[] = {{-1, -1, 30}, {-1, 0, 45}, {0, -1, 60}, {0, 0, 120}};
  const auto square = square_points(generator, count);
  std::vector<Point2> points;
  std::vector<int64_t> labels;
  for (const auto [left, bottom, degrees] : kQuadrants) {
    const double angle = degrees * std::numbers::pi / 180, c = std::cos(angle), s = std::sin(angle);
    const size_t first = points.size();
    for (const auto [x, y] : square) {
      if ((x >= 0) != (left == 0) || (y >= 0) != (bottom == 0)) continue;
      points.push_back({c * (x - left) - s * (y - bottom), s * (x - left) + c * (y - bottom)});
      labels.push_back(field(2 * x, 2 * y));
    }
    const auto quadrant = std::span(points).subspan(first);
    stretch(quadrant, &Point2::x, left, left + 1);
    stretch(quadrant, &Point2::y, bottom, bottom + 1);
  }
  return build("checker-board-rotated", points, labels, 2);
}

Dataset con_circles(Generator& generator, int64_t count, const CirclesOptions& options) {
  check_count("con_circles", count, 0);
  if (!(options.factor >= 0 && options.factor < 1)) {
    fail<ValueError>("con_circles: the factor must be in [0, 1), got {}", options.factor);
  }
  if (!(options.noise >= 0 && std::isfinite(options.noise))) {
    fail<ValueError>("con_circles: the noise must be finite and not negative, got {}", options.noise);
  }
  std::vector<Point2> points = normal_points(generator, count, options.noise);
  std::vector<int64_t> labels;
  const int64_t outer = count / 2;
  for (int64_t i = 0; i < count; ++i) {
    const bool inside = i >= outer;
    const double turn = inside ? static_cast<double>(i - outer) / static_cast<double>(count - outer)
                               : static_cast<double>(i) / static_cast<double>(outer);
    const double radius = inside ? options.factor : 1, angle = 2 * std::numbers::pi * turn;
    points[static_cast<size_t>(i)].x += radius * std::cos(angle);
    points[static_cast<size_t>(i)].y += radius * std::sin(angle);
    labels.push_back(inside);
  }
  standardize(points, &Point2::x);
  standardize(points, &Point2::y);
  return build("con-circles", points, labels, 2);
}

Dataset non_linear(Generator& generator, int64_t count) {
  check_count("non_linear", count, 0);
  std::vector<Point2> points = normal_points(generator, count);
  std::vector<int64_t> labels(points.size(), 0);
  const size_t third = points.size() / 3;
  for (size_t i = 0; i < 2 * third; ++i) {
    const double shift = i < third ? -3 : 3;
    points[i] = {points[i].x + shift, points[i].y + shift};
    labels[i] = 1;
  }
  return build("non-linear", points, labels, 2);
}

Dataset barber_regression(Generator& generator, const BarberOptions& options) {
  check_count("barber_regression", options.count, 0);
  for (const double v : {options.separation, options.rotation, options.stretch[0], options.stretch[1]}) {
    if (!std::isfinite(v)) fail<ValueError>("barber_regression: settings must be finite, got {}", v);
  }
  std::vector<Point2> points = normal_points(generator, options.count);
  const Tensor mix = generator.uniform({2, 2, 2}, -1, 1, DType::f64);
  const Tensor corners = generator.permutation(4);
  const Tensor order = generator.permutation(options.count);
  std::vector<int64_t> labels;
  for (size_t i = 0; i < points.size(); ++i) {
    const int64_t label = 2 * order.data<int64_t>()[i] >= options.count;
    const double* a = mix.data<double>() + 4 * label;
    const int64_t corner = corners.data<int64_t>()[label];
    const auto side = [&](int64_t bit) { return corner & bit ? options.separation : -options.separation; };
    const auto [x, y] = points[i];
    points[i] = {side(1) + a[0] * x + a[1] * y, side(2) + a[2] * x + a[3] * y};
    labels.push_back(label);
  }
  Dataset d = build("barber-regression", points, labels, 2);
  d.target = Tensor::empty(d.x.shape());
  float* out = d.target.mutable_data<float>();
  const double c = std::cos(options.rotation), s = std::sin(options.rotation);
  for (size_t i = 0; i < points.size(); ++i) {
    const auto [x, y] = points[i];
    const Point2 t =
        labels[i] == 0 ? Point2{c * x - s * y, s * x + c * y} : Point2{options.stretch[0] * x, options.stretch[1] * y};
    *out++ = static_cast<float>(t.x);
    *out++ = static_cast<float>(t.y);
  }
  check(d, d.name);
  return d;
}

Dataset sin_data(Generator& generator, int64_t count, double noise) {
  check_count("sin_data", count, 0);
  if (!(noise >= 0 && std::isfinite(noise))) {
    fail<ValueError>("sin_data: the noise must be finite and not negative, got {}", noise);
  }
  Dataset d;
  d.name = "sin-data";
  d.x = generator.uniform({count, 1});
  d.target = generator.normal({count, 1}, 0, noise);
  const float* x = d.x.data<float>();
  for (float& t : d.target.mutable_values<float>()) {
    double sum = 0;
    for (const double frequency : {3, 5, 7, 13, 23}) sum += std::sin(frequency * static_cast<double>(*x));
    t += static_cast<float>(sum / 5);
    ++x;
  }
  check(d, d.name);
  return d;
}

}  // namespace divvy::data
