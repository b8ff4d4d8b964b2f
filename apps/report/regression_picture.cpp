#include "apps/report/regression_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "apps/report/svg.h"
#include "tensor/error.h"

namespace divvy::app {

namespace {

using namespace svg;

using Picture = RegressionPicture;
using Sample = Picture::Sample;
using Matrix = Picture::Matrix;

constexpr double kPanel = 264, kGapX = 62, kHead = 30, kFoot = 34, kCell = 58, kCellHeight = 30, kBracket = 7;

void require_finite(std::initializer_list<double> values) {
  for (double value : values) {
    if (!std::isfinite(value)) fail<ValueError>("picture of a regression: the number {}", value);
  }
}

void require_sound(const Picture& p) {
  if (p.samples.empty() || p.regimes.empty()) {
    fail<ValueError>("picture of a regression: {} samples, {} regimes", p.samples.size(), p.regimes.size());
  }
  for (const Sample& s : p.samples) {
    require_finite({s.input[0], s.input[1], s.target[0], s.target[1], s.output[0], s.output[1]});
    if (s.regime < 0 || s.regime >= std::ssize(p.regimes)) {
      fail<ValueError>("picture of a regression: regime {} is outside [0, {})", s.regime, p.regimes.size());
    }
    if (s.expert < -1 || s.expert >= std::ssize(p.experts)) {
      fail<ValueError>("picture of a regression: expert {} is outside [-1, {})", s.expert, p.experts.size());
    }
  }
  for (const auto* list : {&p.regimes, &p.experts}) {
    for (const Matrix& m : *list) require_finite({m.values[0], m.values[1], m.values[2], m.values[3]});
  }
}

double distance(const Matrix& a, const Matrix& b) {
  double sum = 0;
  for (size_t i = 0; i < 4; ++i) sum += (a.values[i] - b.values[i]) * (a.values[i] - b.values[i]);
  return std::sqrt(sum);
}

std::string heading(const Axes& axes, const std::string& name, const std::string& note) {
  return fmt::format(
      "<text x=\"{}\" y=\"{}\"><tspan class=\"head\">{}</tspan><tspan class=\"sub\" dx=\"8\">{}</tspan>"
      "</text>\n",
      number(axes.left), number(axes.top - 9), escaped(name), escaped(note));
}

Color color_of_expert(int64_t expert) { return expert < 0 ? Color{150, 150, 150} : expert_color(expert); }

/// Axes with equal scales, so that a rotation looks like one.
Axes plane(double left, double top, const std::vector<const std::array<double, 2>*>& points) {
  std::vector<double> x, y;
  for (const auto* point : points) x.push_back((*point)[0]), y.push_back((*point)[1]);
  const Span across = span_of(x), up = span_of(y);
  const double half = std::max(across.high - across.low, up.high - up.low) / 2;
  const double middle_x = (across.low + across.high) / 2, middle_y = (up.low + up.high) / 2;
  return {left, top, kPanel, kPanel, middle_x - half, middle_x + half, middle_y - half, middle_y + half};
}

std::string cloud(const Picture& p, const Axes& axes, const std::function<std::array<double, 2>(const Sample&)>& at,
                  const std::function<Color(const Sample&)>& color) {
  std::string result = "<g fill-opacity=\".75\" stroke=\"#fff\" stroke-width=\".4\">\n";
  for (const Sample& s : p.samples) {
    const auto point = at(s);
    result += circle(axes.x(point[0]), axes.y(point[1]), 2.4, color(s).hex());
  }
  return result + "</g>\n";
}

/// Lines from the outputs to the targets.
std::string misses(const Picture& p, const Axes& axes) {
  std::string path;
  for (const Sample& s : p.samples) {
    path += fmt::format("M{} {}L{} {}", number(axes.x(s.output[0])), number(axes.y(s.output[1])),
                        number(axes.x(s.target[0])), number(axes.y(s.target[1])));
  }
  return fmt::format("<path d=\"{}\" stroke=\"{}\" stroke-width=\".9\" stroke-opacity=\".7\"/>\n", path, kError.hex());
}

std::string against_target(const Picture& p, double left, double top) {
  std::vector<double> values;
  double error = 0;
  for (const Sample& s : p.samples) {
    for (size_t d = 0; d < 2; ++d) {
      values.push_back(s.target[d]);
      values.push_back(s.output[d]);
      error += (s.target[d] - s.output[d]) * (s.target[d] - s.output[d]);
    }
  }
  const Span span = span_of(values);
  const Axes axes{left, top, kPanel, kPanel, span.low, span.high, span.low, span.high};
  const double mse = error / static_cast<double>(2 * p.samples.size());
  std::string result = heading(axes, "against target", fmt::format("mean squared error {:.3g}", mse));
  result += line(axes.left, axes.top + kPanel, axes.left + kPanel, axes.top, "#b8bcc4");
  result += "<g fill-opacity=\".7\" stroke=\"#fff\" stroke-width=\".4\">\n";
  for (const Sample& s : p.samples) {
    for (size_t d = 0; d < 2; ++d) {
      result += circle(axes.x(s.target[d]), axes.y(s.output[d]), 2.2, class_color(s.regime).hex());
    }
  }
  return result + "</g>\n" + axes.frame();
}

/// A matrix in brackets, with each entry on a background color that shows its value.
std::string matrix(const Matrix& m, double left, double top, double scale) {
  std::string result;
  for (size_t i = 0; i < 4; ++i) {
    const size_t row = i / 2;
    const double x = left + kBracket + static_cast<double>(i % 2) * kCell,
                 y = top + static_cast<double>(row) * kCellHeight;
    const Color ground = diverging(m.values[i] / scale * 0.8);
    result += rect(x + 1, y + 1, kCell - 2, kCellHeight - 2, ground.hex(), "rx=\"2\"");
    result += text(x + kCell / 2, y + 20, fmt::format("{:.3f}", std::abs(m.values[i]) < 0.0005 ? 0.0 : m.values[i]),
                   fmt::format("text-anchor=\"middle\" fill=\"{}\"", text_on(ground).hex()));
  }
  const double right = left + 2 * kBracket + 2 * kCell, bottom = top + 2 * kCellHeight;
  return result + fmt::format(
                      "<path d=\"M{0} {1}h-5V{2}h5M{3} {1}h5V{2}h-5\" fill=\"none\" stroke=\"#444\" "
                      "stroke-width=\"1.3\"/>\n",
                      number(left + 5), number(top), number(bottom), number(right - 5));
}

constexpr double kMatrixWidth = 2 * kBracket + 2 * kCell, kMatrixGap = 40, kMatrixRow = 2 * kCellHeight + 46;

std::string named_matrix(const Matrix& m, double left, double top, double scale, const Color& swatch,
                         const std::string& note) {
  return circle(left + 6, top - 13, 5.5, swatch.hex()) +
         fmt::format(
             "<text x=\"{}\" y=\"{}\"><tspan class=\"head\">{}</tspan><tspan class=\"sub\" dx=\"6\">{}</tspan>"
             "</text>\n",
             number(left + 18), number(top - 8), escaped(m.name), escaped(note)) +
         matrix(m, left, top, scale);
}

/// Rows of matrices as SVG with its size: for each regime its matrix, then those of the experts nearest to it.
struct Block {
  std::string body;
  double width = 0, height = 0;
};

Block matrices(const Picture& p, double left, double top) {
  double scale = 1e-12;
  for (const auto* list : {&p.regimes, &p.experts}) {
    for (const Matrix& m : *list) {
      for (double value : m.values) scale = std::max(scale, std::abs(value));
    }
  }
  std::vector<std::vector<size_t>> nearest(p.regimes.size());
  for (size_t e = 0; e < p.experts.size(); ++e) {
    size_t best = 0;
    for (size_t r = 1; r < p.regimes.size(); ++r) {
      if (distance(p.experts[e], p.regimes[r]) < distance(p.experts[e], p.regimes[best])) best = r;
    }
    nearest[best].push_back(e);
  }
  Block block;
  block.height = kHead;
  block.body = fmt::format(
      "<text x=\"{}\" y=\"{}\"><tspan class=\"head\">the matrices</tspan><tspan class=\"sub\" dx=\"8\">"
      "of each regime, and of the experts that came nearest to it</tspan></text>\n",
      number(left), number(top));
  for (size_t r = 0; r < p.regimes.size(); ++r) {
    double x = left;
    const double y = top + block.height + 16;
    block.body += named_matrix(p.regimes[r], x, y, scale, class_color(static_cast<int64_t>(r)), "true");
    x += kMatrixWidth + kMatrixGap;
    if (nearest[r].empty()) {
      block.body += text(x, y + kCellHeight + 5, "no expert came nearest to it", "class=\"sub\"");
      block.width = std::max(block.width, x + text_width("no expert came nearest to it", 13) - left);
    }
    for (size_t e : nearest[r]) {
      const auto taken =
          std::ranges::count_if(p.samples, [e](const Sample& s) { return s.expert == static_cast<int64_t>(e); });
      const double share = 100 * static_cast<double>(taken) / static_cast<double>(p.samples.size());
      block.body += named_matrix(p.experts[e], x, y, scale, expert_color(static_cast<int64_t>(e)),
                                 fmt::format("{:.0f} % of samples", share));
      block.body += text(x, y + 2 * kCellHeight + 18, fmt::format("{:.3g} away", distance(p.experts[e], p.regimes[r])),
                         "class=\"small\" fill=\"#666\"");
      x += kMatrixWidth + kMatrixGap;
      block.width = std::max(block.width, x - left);
    }
    block.height += kMatrixRow + 20;
  }
  return block;
}

std::string legend(const Picture& p, double left, double top) {
  std::string result;
  double x = left;
  const auto item = [&](const std::string& name, const Color& color) {
    result += circle(x + 8, top, 5.5, color.hex()) + text(x + 20, top + 4, name, "font-size=\"13\"");
    x += 20 + text_width(name, 13) + 20;
  };
  for (size_t r = 0; r < p.regimes.size(); ++r)
    item("regime " + p.regimes[r].name, class_color(static_cast<int64_t>(r)));
  for (size_t e = 0; e < p.experts.size(); ++e) item(p.experts[e].name, expert_color(static_cast<int64_t>(e)));
  return result + line(x, top, x + 16, top, kError.hex(), "stroke-width=\"1.2\"") +
         text(x + 22, top + 4, "from output to target", "font-size=\"13\"");
}

}  // namespace

std::string regression_svg(const RegressionPicture& picture) {
  require_sound(picture);
  std::vector<const std::array<double, 2>*> before, after;
  for (const Sample& s : picture.samples) {
    before.push_back(&s.input);
    after.push_back(&s.target);
    after.push_back(&s.output);
  }
  const double first = kGapX, second = first + kPanel + kGapX, top = kBodyTop + kHead,
               below = top + kPanel + kFoot + kHead;
  const auto regime = [](const Sample& s) { return class_color(s.regime); };
  const Axes inputs = plane(first, top, before), targets = plane(second, top, after),
             outputs = plane(first, below, after);
  std::string body = heading(inputs, "before", "inputs by regime") +
                     cloud(
                         picture, inputs, [](const Sample& s) { return s.input; }, regime) +
                     inputs.frame();
  body += heading(targets, "after", "targets by regime") +
          cloud(
              picture, targets, [](const Sample& s) { return s.target; }, regime) +
          targets.frame();
  body += heading(outputs, "outputs", "by expert") + misses(picture, outputs) +
          cloud(
              picture, outputs, [](const Sample& s) { return s.output; },
              [](const Sample& s) { return color_of_expert(s.expert); }) +
          outputs.frame();
  body += against_target(picture, second, below);
  const double foot = below + kPanel + kFoot + 20;
  body += legend(picture, first, foot);
  const Block block = matrices(picture, first, foot + 44);
  const double width = std::max(second + kPanel, first + block.width) + 24;
  return document(width, foot + 44 + block.height, picture.title, picture.subtitle, body + block.body);
}

}  // namespace divvy::app
