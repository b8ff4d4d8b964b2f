#include "datasets/glyph_strokes.h"

#include <array>
#include <cmath>
#include <initializer_list>
#include <numbers>
#include <utility>

#include "tensor/error.h"

namespace divvy::data {

namespace {

/// Draws a glyph stroke by stroke.
class Pen {
 public:
  /// A stroke of straight lines.
  Pen& lines(std::initializer_list<Point> points) {
    glyph_.emplace_back(points);
    return *this;
  }

  /// A smooth stroke through the points (a Catmull-Rom spline).
  Pen& curve(std::initializer_list<Point> points) {
    glyph_.emplace_back();
    return continue_curve(points);
  }

  /// Continues the last stroke with a smooth curve through the points, the first of which is the end of that stroke.
  Pen& continue_curve(std::initializer_list<Point> points) {
    constexpr int kSteps = 6;
    const Polyline p(points);
    Polyline& stroke = glyph_.back();
    if (stroke.empty()) stroke.push_back(p.front());
    for (size_t i = 0; i + 1 < p.size(); ++i) {
      const Point a = p[i == 0 ? 0 : i - 1], b = p[i], c = p[i + 1], d = p[i + 2 < p.size() ? i + 2 : i + 1];
      for (int step = 1; step <= kSteps; ++step) {
        const double t = static_cast<double>(step) / kSteps;
        const auto blend = [t](double u, double v, double w, double z) {
          return v + 0.5 * t * (w - u + t * (2 * u - 5 * v + 4 * w - z + t * (3 * (v - w) + z - u)));
        };
        stroke.push_back({blend(a.x, b.x, c.x, d.x), blend(a.y, b.y, c.y, d.y)});
      }
    }
    return *this;
  }

  /// A whole ellipse.
  Pen& ellipse(Point center, double width, double height) {
    constexpr int kSteps = 28;
    Polyline stroke;
    for (int step = 0; step <= kSteps; ++step) {
      const double angle = 2 * std::numbers::pi * step / kSteps;
      stroke.push_back({center.x + width * std::cos(angle), center.y + height * std::sin(angle)});
    }
    glyph_.push_back(std::move(stroke));
    return *this;
  }

  operator Glyph() const { return glyph_; }

 private:
  Glyph glyph_;
};

std::array<std::vector<Glyph>, 10> draw_digits() {
  std::array<std::vector<Glyph>, 10> digits;
  digits[0] = {
      Pen().ellipse({0, 0}, .52, 1),
      Pen().ellipse({0, 0}, .74, .92),
      Pen().curve(
          {{.15, -.95}, {-.38, -.7}, {-.56, 0}, {-.38, .7}, {.05, 1}, {.45, .65}, {.56, -.1}, {.35, -.75}, {-.05, -1}}),
  };
  digits[1] = {
      Pen().lines({{0, -1}, {0, 1}}),
      Pen().lines({{-.38, -.58}, {.05, -1}, {.05, 1}}),
      Pen().lines({{-.35, -.62}, {.05, -1}, {.05, 1}}).lines({{-.4, 1}, {.48, 1}}),
  };
  digits[2] = {
      Pen()
          .curve({{-.55, -.55}, {-.3, -.92}, {.15, -1}, {.52, -.65}, {.38, -.12}, {-.1, .45}, {-.6, 1}})
          .lines({{-.6, 1}, {.62, 1}}),
      Pen().curve({{-.52, -.65},
                   {-.1, -1},
                   {.42, -.78},
                   {.36, -.15},
                   {-.15, .6},
                   {-.5, .92},
                   {-.56, .62},
                   {-.22, .68},
                   {.2, .95},
                   {.66, .82}}),
  };
  digits[3] = {
      Pen()
          .curve({{-.5, -.76}, {-.1, -1}, {.42, -.8}, {.4, -.32}, {-.08, -.06}})
          .curve({{-.08, -.06}, {.48, .14}, {.54, .66}, {.08, 1}, {-.55, .76}}),
      Pen()
          .lines({{-.5, -.98}, {.5, -.98}, {-.06, -.22}})
          .continue_curve({{-.06, -.22}, {.45, .02}, {.54, .56}, {.08, 1}, {-.52, .8}}),
  };
  digits[4] = {
      Pen().lines({{-.42, -1}, {-.56, .18}, {.62, .18}}).lines({{.3, -.6}, {.25, 1}}),
      Pen().lines({{.26, 1}, {.26, -1}, {-.62, .36}, {.66, .36}}),
      Pen().curve({{-.5, -.95}, {-.52, -.3}, {-.2, .04}, {.2, .02}, {.44, -.2}}).lines({{.48, -.95}, {.4, 1}}),
  };
  digits[5] = {
      Pen()
          .lines({{.52, -1}, {-.4, -1}, {-.46, -.12}})
          .continue_curve({{-.46, -.12}, {.08, -.3}, {.54, .18}, {.42, .76}, {-.08, 1}, {-.56, .76}}),
      Pen().curve({{.5, -.9},
                   {.05, -1},
                   {-.38, -.76},
                   {-.34, -.32},
                   {.14, -.08},
                   {.5, .36},
                   {.3, .88},
                   {-.18, 1},
                   {-.52, .74}}),
  };
  digits[6] = {
      Pen().curve(
          {{.42, -.94}, {-.1, -.7}, {-.48, 0}, {-.46, .62}, {0, 1}, {.48, .62}, {.34, .1}, {-.06, .02}, {-.46, .42}}),
      Pen().lines({{-.3, -1}, {-.48, .5}}).ellipse({0, .52}, .48, .47),
  };
  digits[7] = {
      Pen().lines({{-.56, -.95}, {.56, -.95}, {-.16, 1}}),
      Pen().lines({{-.56, -.95}, {.56, -.95}, {-.16, 1}}).lines({{-.26, .02}, {.46, .02}}),
      Pen()
          .lines({{-.52, -.6}, {-.5, -.94}})
          .continue_curve({{-.5, -.94}, {.0, -.86}, {.52, -.92}, {.22, -.24}, {.02, .36}, {-.06, 1}}),
  };
  digits[8] = {
      Pen().ellipse({0, -.5}, .42, .48).ellipse({0, .5}, .52, .5),
      Pen().curve({{.42, -.7},
                   {.05, -1},
                   {-.4, -.76},
                   {-.26, -.3},
                   {.3, .2},
                   {.5, .64},
                   {0, 1},
                   {-.5, .64},
                   {-.26, .16},
                   {.3, -.3},
                   {.42, -.7}}),
  };
  digits[9] = {
      Pen().ellipse({0, -.47}, .47, .5).lines({{.47, -.5}, {.4, 1}}),
      Pen().curve({{.46, -.56},
                   {0, -.98},
                   {-.46, -.52},
                   {-.06, -.03},
                   {.38, -.28},
                   {.48, -.62},
                   {.5, .1},
                   {.3, .74},
                   {-.1, 1},
                   {-.42, .84}}),
  };
  return digits;
}

}  // namespace

const std::vector<Glyph>& glyph_variants(int digit) {
  static const auto digits = draw_digits();
  if (digit < 0 || digit > 9) fail<ValueError>("glyphs: a digit is 0 to 9, got {}", digit);
  return digits[static_cast<size_t>(digit)];
}

}  // namespace divvy::data
