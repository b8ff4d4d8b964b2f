#include "apps/report/svg.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "tensor/text.h"

namespace divvy::app::svg {

namespace {

constexpr std::array<Color, 8> kClasses = {{{0, 114, 178},     // blue
                                            {230, 159, 0},     // orange
                                            {0, 158, 115},     // green
                                            {204, 121, 167},   // pink
                                            {86, 180, 233},    // sky
                                            {240, 228, 66},    // yellow
                                            {110, 110, 110},   // gray
                                            {213, 94, 0}}};    // vermilion, last: it is near the red of errors
constexpr std::array<Color, 9> kExperts = {{{51, 34, 136},     // indigo
                                            {68, 170, 153},    // teal
                                            {204, 102, 119},   // rose
                                            {221, 204, 119},   // sand
                                            {17, 119, 51},     // green
                                            {136, 204, 238},   // cyan
                                            {136, 34, 85},     // wine
                                            {153, 153, 51},    // olive
                                            {170, 68, 153}}};  // purple

template <size_t N>
Color returning(const std::array<Color, N>& colors, int64_t index) {
  const auto i = static_cast<size_t>(std::max<int64_t>(index, 0));
  const Color base = colors[i % N];
  const size_t round = i / N;
  if (round == 0) return base;
  // Darker in odd rounds, lighter in even ones, but never black or white.
  const size_t steps = (round + 1) / 2;
  const double share = 1 - std::pow(0.6, static_cast<double>(steps));
  return base.mixed(round % 2 == 1 ? kInk : kWhite, share);
}

}  // namespace

std::string Color::hex() const { return fmt::format("#{:02x}{:02x}{:02x}", red, green, blue); }

Color Color::mixed(const Color& other, double share) const {
  const auto mix = [share](int a, int b) { return static_cast<int>(std::lround(a + share * (b - a))); };
  return {mix(red, other.red), mix(green, other.green), mix(blue, other.blue)};
}

Color class_color(int64_t label) { return returning(kClasses, label); }
Color expert_color(int64_t expert) { return returning(kExperts, expert); }

Color diverging(double s) {
  const Color blue{33, 102, 172}, orange{217, 120, 20};
  return kWhite.mixed(s < 0 ? blue : orange, std::min(1.0, std::abs(s)));
}

Color sequential(double s) { return Color{240, 244, 250}.mixed({16, 62, 138}, std::clamp(s, 0.0, 1.0)); }

Color text_on(const Color& ground) {
  return 0.299 * ground.red + 0.587 * ground.green + 0.114 * ground.blue < 140 ? kWhite : Color{51, 51, 51};
}

std::string escaped(const std::string& text) {
  std::string result;
  for (char c : text) {
    switch (c) {
      case '<': result += "&lt;"; break;
      case '>': result += "&gt;"; break;
      case '&': result += "&amp;"; break;
      case '"': result += "&quot;"; break;
      default: result += c;
    }
  }
  return result;
}

std::string number(double value) {
  std::string digits = fmt::format("{:.2f}", value);
  digits.erase(digits.find_last_not_of('0') + 1);
  if (digits.back() == '.') digits.pop_back();
  return digits == "-0" ? "0" : digits;
}

std::string text(double x, double y, const std::string& content, const std::string& more) {
  return fmt::format("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", number(x), number(y), more, escaped(content));
}

std::string rect(double x, double y, double width, double height, const std::string& fill, const std::string& more) {
  return fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\" {}/>\n", number(x), number(y),
                     number(width), number(height), fill, more);
}

std::string circle(double x, double y, double radius, const std::string& fill, const std::string& more) {
  return fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"{}\" fill=\"{}\" {}/>\n", number(x), number(y), number(radius),
                     fill, more);
}

std::string line(double x1, double y1, double x2, double y2, const std::string& stroke, const std::string& more) {
  return fmt::format("<line x1=\"{}\" y1=\"{}\" x2=\"{}\" y2=\"{}\" stroke=\"{}\" {}/>\n", number(x1), number(y1),
                     number(x2), number(y2), stroke, more);
}

std::string crosses(const std::vector<std::pair<double, double>>& points, double radius) {
  if (points.empty()) return "";
  std::string path;
  const std::string width = number(2 * radius);
  for (const auto& [x, y] : points) {
    path += fmt::format("M{} {}l{} {}m0 -{}l-{} {}", number(x - radius), number(y - radius), width, width, width, width,
                        width);
  }
  return fmt::format(
      "<path d=\"{0}\" stroke=\"#fff\" stroke-width=\"3.4\" stroke-opacity=\".8\"/><path d=\"{0}\" stroke=\"{1}\" "
      "stroke-width=\"1.7\"/>\n",
      path, kError.hex());
}

std::string document(double width, double height, const std::string& title, const std::string& subtitle,
                     const std::string& body) {
  width = std::ceil(std::max({width, 40 + text_width(title, 20), 40 + text_width(subtitle, 13)}));
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
             "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\" fill=\"{2}\">\n"
             "<style>.small{{font-size:12px}}.title{{font-size:19px;font-weight:bold}}.sub{{font-size:13px;fill:#666}}"
             ".head{{font-weight:bold}}</style>\n<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
             number(width), number(std::ceil(height)), kInk.hex()) +
         text(20, 32, title, "class=\"title\"") + text(20, 54, subtitle, "class=\"sub\"") + body + "</svg>\n";
}

std::vector<double> spread(std::vector<double> heights, double gap, double low, double high) {
  for (size_t i = 0; i < heights.size(); ++i) {
    heights[i] = std::max(heights[i], i == 0 ? low : heights[i - 1] + gap);
  }
  for (size_t i = heights.size(); i-- > 0;) {
    heights[i] = std::min(heights[i], i + 1 == heights.size() ? std::max(high, low + gap * static_cast<double>(i))
                                                              : heights[i + 1] - gap);
  }
  return heights;
}

double text_width(const std::string& content, double font_size) {
  return 0.55 * font_size * static_cast<double>(display_width(content));
}

std::vector<double> ticks(double low, double high, int count, double least) {
  const double rough = (high - low) / std::max(count, 1), power = std::pow(10, std::floor(std::log10(rough)));
  const double digit = rough / power;
  const double step = std::max(least, power * (digit <= 1 ? 1 : digit <= 2 ? 2 : digit <= 5 ? 5 : 10));
  std::vector<double> values;
  for (double i = std::ceil(low / step - 1e-9); i * step <= high + 1e-9 * step; ++i) values.push_back(i * step);
  return values;
}

std::string tick_text(double value) { return std::abs(value) < 1e-12 ? "0" : fmt::format("{:.4g}", value); }

std::string Axes::frame(int x_ticks, int y_ticks) const {
  std::string result = rect(left, top, width, height, "none", "stroke=\"#b8bcc4\"");
  for (double value : ticks(x_low, x_high, x_ticks, least_x_step)) {
    result += line(x(value), top + height, x(value), top + height + 4, "#b8bcc4");
    result +=
        text(x(value), top + height + 17, tick_text(value), "class=\"small\" fill=\"#666\" text-anchor=\"middle\"");
  }
  for (double value : ticks(y_low, y_high, y_ticks)) {
    result += line(left - 4, y(value), left, y(value), "#b8bcc4");
    result += text(left - 7, y(value) + 4, tick_text(value), "class=\"small\" fill=\"#666\" text-anchor=\"end\"");
  }
  return result;
}

Span span_of(const std::vector<double>& values, double room) {
  Span span;
  if (!values.empty()) {
    const auto [low, high] = std::ranges::minmax_element(values);
    span = {*low, *high};
  }
  double wide = span.high - span.low;
  if (wide <= 0) wide = std::max(1.0, std::abs(span.low)) * 0.1;
  return {span.low - room * wide, span.high + room * wide};
}

}  // namespace divvy::app::svg
