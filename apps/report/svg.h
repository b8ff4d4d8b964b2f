#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

/// The elements of pictures: SVG elements as text, colors and axes.
namespace divvy::app::svg {

struct Color {
  int red = 0, green = 0, blue = 0;

  std::string hex() const;
  /// Linear interpolation from this color at share 0 to `other` at share 1.
  Color mixed(const Color& other, double share) const;
  bool operator==(const Color&) const = default;
};

inline constexpr Color kWhite{255, 255, 255}, kInk{34, 34, 34}, kError{200, 0, 32};

/// One color for each class and, from a different palette, one for each expert, so that the two are not confused. The
/// first eight and nine are distinguishable with all common kinds of color blindness (the palettes of Okabe and Ito
/// 2008, and "muted" of Tol 2021); then they repeat darker and lighter.
Color class_color(int64_t label);
Color expert_color(int64_t expert);
/// Color maps: from blue over white to orange for s in [-1, 1], and from white to dark navy for s in [0, 1].
Color diverging(double s);
Color sequential(double s);
/// Dark or white, whichever is more readable on this background.
Color text_on(const Color& ground);

/// The text with <, >, & and " as entities.
std::string escaped(const std::string& text);
/// A number for a coordinate: two decimals, without trailing zeros.
std::string number(double value);

/// SVG elements; `more` has further attributes. Texts are escaped.
std::string text(double x, double y, const std::string& content, const std::string& more = "");
std::string rect(double x, double y, double width, double height, const std::string& fill,
                 const std::string& more = "");
std::string circle(double x, double y, double radius, const std::string& fill, const std::string& more = "");
std::string line(double x1, double y1, double x2, double y2, const std::string& stroke, const std::string& more = "");
/// Small red crosses with a white edge, for wrong predictions; points are (x, y).
std::string crosses(const std::vector<std::pair<double, double>>& points, double radius);

/// The document around a body: white background, title and subtitle at the upper left. The body begins at kBodyTop. The
/// page is widened if the title needs it. Classes of text: "small" (12), "sub" (13, gray), "head" (14, bold).
std::string document(double width, double height, const std::string& title, const std::string& subtitle,
                     const std::string& body);
inline constexpr double kBodyTop = 76;

/// Moves ascending heights apart until neighbors are at least `gap` apart, keeping their order and, if possible, within
/// the limits.
std::vector<double> spread(std::vector<double> heights, double gap, double low, double high);

/// The approximate width of a text.
double text_width(const std::string& content, double font_size);

/// Round numbers from low to high, about `count` of them (1, 2 or 5 times a power of ten apart, and not less than
/// `least` apart), and how to print them.
std::vector<double> ticks(double low, double high, int count, double least = 0);
std::string tick_text(double value);

/// A rectangle of the page with its own coordinates; y grows upwards.
struct Axes {
  double left = 0, top = 0, width = 0, height = 0;
  double x_low = 0, x_high = 1, y_low = 0, y_high = 1;
  double least_x_step = 0;  ///< least distance of ticks: 1 for counts

  double x(double value) const { return left + (value - x_low) / (x_high - x_low) * width; }
  double y(double value) const { return top + height - (value - y_low) / (y_high - y_low) * height; }
  /// The frame with ticks and their numbers to the left and below.
  std::string frame(int x_ticks = 4, int y_ticks = 4) const;
};

/// An interval around values with a margin, never empty.
struct Span {
  double low = 0, high = 1;
};
Span span_of(const std::vector<double>& values, double room = 0.05);

}  // namespace divvy::app::svg
