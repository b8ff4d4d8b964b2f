#include "apps/report/chart.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "apps/report/svg.h"
#include "moe/analysis/statistics.h"
#include "tensor/error.h"

namespace divvy::app {

namespace {

using namespace svg;

constexpr double kNameHeight = 18;

/// A color for thin marks on white: darker than class_color(), since pale colors are hard to see, and with yellow
/// later.
Color mark_color(size_t i) {
  const size_t swapped = i % 8 == 5 ? i + 2 : i % 8 == 7 ? i - 2 : i;
  return class_color(static_cast<int64_t>(swapped)).mixed(kInk, 0.12);
}

void require_finite(const std::vector<double>& values) {
  for (double value : values) {
    if (!std::isfinite(value)) fail<ValueError>("chart: the number {}", value);
  }
}

std::string panel_title(double left, double top, const std::string& title) {
  return text(left, top - 9, title, "class=\"head\"");
}

/// The mean and the band around it for each epoch.
struct Band {
  std::vector<double> mean, low, high;
  bool several = false;
};

Band band_of(const CurvePanel::Series& series) {
  size_t epochs = 0;
  for (const auto& run : series.runs) {
    require_finite(run);
    epochs = std::max(epochs, run.size());
  }
  if (epochs == 0) fail<ValueError>("chart: the curve '{}' has no epochs", series.name);
  Band band;
  for (size_t i = 0; i < epochs; ++i) {
    std::vector<double> values;
    for (const auto& run : series.runs) {
      if (i < run.size()) values.push_back(run[i]);
    }
    const moe::Summary summary = moe::summarize(values);
    const double sd = summary.sd.value_or(0);
    band.several = band.several || summary.sd;
    band.mean.push_back(summary.mean);
    band.low.push_back(summary.mean - sd);
    band.high.push_back(summary.mean + sd);
  }
  return band;
}

std::string polyline(const Axes& axes, const std::vector<double>& values) {
  std::string path;
  for (size_t i = 0; i < values.size(); ++i) {
    path += fmt::format("{}{} {}", i == 0 ? "M" : "L", number(axes.x(static_cast<double>(i + 1))),
                        number(axes.y(values[i])));
  }
  return path;
}

std::string curve(const Axes& axes, const Band& band, const Color& color) {
  std::string result;
  if (band.several) {
    std::string area = polyline(axes, band.high);
    for (size_t i = band.low.size(); i-- > 0;) {
      area += fmt::format("L{} {}", number(axes.x(static_cast<double>(i + 1))), number(axes.y(band.low[i])));
    }
    result += fmt::format("<path d=\"{}Z\" fill=\"{}\" fill-opacity=\".16\"/>\n", area, color.hex());
  }
  result += fmt::format("<path d=\"{}\" fill=\"none\" stroke=\"{}\" stroke-width=\"2\" stroke-linejoin=\"round\"/>\n",
                        polyline(axes, band.mean), color.hex());
  if (band.mean.size() == 1) result += circle(axes.x(1), axes.y(band.mean[0]), 3, color.hex());
  return result;
}

/// The names and last values of the curves at their right ends, moved apart so that they do not overlap.
std::string end_names(const Axes& axes, const std::vector<Band>& bands, const std::vector<std::string>& names) {
  std::vector<size_t> order(bands.size());
  std::iota(order.begin(), order.end(), size_t{0});
  std::ranges::stable_sort(order, [&](size_t a, size_t b) { return bands[a].mean.back() > bands[b].mean.back(); });
  std::vector<double> ideal;
  for (size_t i : order) ideal.push_back(axes.y(bands[i].mean.back()));
  const auto middle = spread(ideal, kNameHeight, axes.top + 4, axes.top + axes.height - 4);
  std::string result;
  for (size_t k = 0; k < order.size(); ++k) {
    const std::string color = mark_color(order[k]).hex();
    const double end = axes.x(static_cast<double>(bands[order[k]].mean.size())), right = axes.left + axes.width;
    result += fmt::format("<path d=\"M{} {}L{} {}L{} {}h6\" fill=\"none\" stroke=\"{}\" stroke-opacity=\".6\"/>\n",
                          number(end), number(ideal[k]), number(right + 2), number(ideal[k]), number(right + 14),
                          number(middle[k]), color);
    result += fmt::format(
        "<text x=\"{}\" y=\"{}\" font-size=\"13\"><tspan fill=\"{}\" font-weight=\"bold\">{}</tspan>"
        "<tspan dx=\"6\" fill=\"#666\">{:.3g}</tspan></text>\n",
        number(right + 24), number(middle[k] + 4.5), mark_color(order[k]).mixed(kInk, 0.3).hex(),
        escaped(names[order[k]]), bands[order[k]].mean.back());
  }
  return result;
}

double quantile(const std::vector<double>& sorted, double q) {
  const double at = q * static_cast<double>(sorted.size() - 1);
  const auto below = static_cast<size_t>(at);
  const size_t above = std::min(below + 1, sorted.size() - 1);
  return sorted[below] + (at - static_cast<double>(below)) * (sorted[above] - sorted[below]);
}

std::string box(const Axes& axes, double y, std::vector<double> values, const Color& color) {
  if (values.empty()) return text(axes.left + axes.width / 2, y + 4, "-", "class=\"sub\" text-anchor=\"middle\"");
  std::ranges::sort(values);
  const double mean = axes.x(moe::summarize(values).mean);
  std::string result;
  if (values.size() >= 4) {
    const double first = axes.x(quantile(values, 0.25)), third = axes.x(quantile(values, 0.75));
    const double median = axes.x(quantile(values, 0.5));
    result += line(axes.x(values.front()), y, axes.x(values.back()), y, color.hex());
    result += rect(first, y - 8, third - first, 16, color.mixed(kWhite, 0.72).hex(),
                   fmt::format("stroke=\"{}\"", color.hex()));
    result += line(median, y - 8, median, y + 8, color.hex(), "stroke-width=\"2\"");
  }
  for (double value : values) result += circle(axes.x(value), y, 2.6, color.hex(), "fill-opacity=\".7\"");
  return result + fmt::format(
                      "<path d=\"M{} {}l5.5 5.5l-5.5 5.5l-5.5 -5.5Z\" fill=\"#fff\" stroke=\"{}\" "
                      "stroke-width=\"1.6\"/>\n",
                      number(mean), number(y - 5.5), color.mixed(kInk, 0.35).hex());
}

}  // namespace

std::string curves_svg(const ChartText& chart, const std::vector<CurvePanel>& panels) {
  if (panels.empty()) fail<ValueError>("chart: no panels");
  constexpr double width = 400, height = 260, left = 62;
  double names = 0;
  for (const auto& panel : panels) {
    for (const auto& series : panel.series) names = std::max(names, text_width(series.name, 13));
  }
  const double step = left + width + 24 + names + 56, top = kBodyTop + 30;
  double tallest = height;
  std::string body;
  for (size_t p = 0; p < panels.size(); ++p) {
    if (panels[p].series.empty()) fail<ValueError>("chart: no curves in '{}'", panels[p].title);
    std::vector<Band> bands;
    std::vector<std::string> series_names;
    std::vector<double> values;
    size_t epochs = 1;
    for (const auto& series : panels[p].series) {
      bands.push_back(band_of(series));
      series_names.push_back(series.name);
      for (const auto* list : {&bands.back().low, &bands.back().high})
        values.insert(values.end(), list->begin(), list->end());
      epochs = std::max(epochs, bands.back().mean.size());
    }
    const Span span = span_of(values);
    Axes axes{left + static_cast<double>(p) * step,
              top,
              width,
              std::max(height, kNameHeight * static_cast<double>(bands.size())),
              1,
              static_cast<double>(std::max<size_t>(epochs, 2)),
              span.low,
              span.high};
    axes.least_x_step = 1;
    tallest = std::max(tallest, axes.height);
    body += panel_title(axes.left, top, panels[p].title) + axes.frame(8, 5);
    for (size_t i = 0; i < bands.size(); ++i) body += curve(axes, bands[i], mark_color(i));
    body += end_names(axes, bands, series_names);
    body += text(axes.left + width / 2, top + axes.height + 36, "epoch", "class=\"sub\" text-anchor=\"middle\"");
  }
  return document(step * static_cast<double>(panels.size()) + 8, top + tallest + 52, chart.title, chart.subtitle, body);
}

std::string boxes_svg(const ChartText& chart, const std::vector<std::string>& methods,
                      const std::vector<BoxPanel>& panels) {
  if (methods.empty() || panels.empty())
    fail<ValueError>("chart: {} methods, {} panels", methods.size(), panels.size());
  constexpr double width = 200, gap = 36, row = 30;
  double names = 0;
  for (const auto& method : methods) names = std::max(names, text_width(method, 14));
  const double left = 20 + names + 14, top = kBodyTop + 30, height = row * static_cast<double>(methods.size());
  std::string body;
  for (size_t m = 0; m < methods.size(); ++m) {
    const double y = top + row * (static_cast<double>(m) + 0.5);
    if (m % 2 == 1) {
      body +=
          rect(20, y - row / 2, left + static_cast<double>(panels.size()) * (width + gap) - gap - 20, row, "#f5f6f8");
    }
    body += text(left - 14, y + 5, methods[m], "text-anchor=\"end\"");
  }
  for (size_t p = 0; p < panels.size(); ++p) {
    if (panels[p].values.size() != methods.size()) {
      fail<ValueError>("chart: '{}' has {} methods, expected {}", panels[p].title, panels[p].values.size(),
                       methods.size());
    }
    std::vector<double> all;
    for (const auto& values : panels[p].values) {
      require_finite(values);
      all.insert(all.end(), values.begin(), values.end());
    }
    const Span span = span_of(all, 0.08);
    const Axes axes{left + static_cast<double>(p) * (width + gap), top, width, height, span.low, span.high, 0, 1};
    body += panel_title(axes.left, top, panels[p].title);
    for (double value : ticks(span.low, span.high, 4)) {
      body += line(axes.x(value), top, axes.x(value), top + height, "#dcdfe4");
      body += text(axes.x(value), top + height + 17, tick_text(value),
                   "class=\"small\" fill=\"#666\" text-anchor=\"middle\"");
    }
    for (size_t m = 0; m < methods.size(); ++m) {
      body += box(axes, top + row * (static_cast<double>(m) + 0.5), panels[p].values[m], mark_color(m));
    }
  }
  body += text(left, top + height + 42, "dot: a run; box: quartiles and median; diamond: mean", "class=\"sub\"");
  return document(left + static_cast<double>(panels.size()) * (width + gap), top + height + 58, chart.title,
                  chart.subtitle, body);
}

std::string scatter_svg(const ChartText& chart, const std::string& x_title, const std::string& y_title,
                        const std::vector<ScatterGroup>& groups) {
  std::vector<double> xs, ys;
  double names = 0;
  for (const auto& group : groups) {
    if (group.x.size() != group.y.size()) {
      fail<ValueError>("chart: '{}' has {} and {} numbers", group.name, group.x.size(), group.y.size());
    }
    require_finite(group.x);
    require_finite(group.y);
    xs.insert(xs.end(), group.x.begin(), group.x.end());
    ys.insert(ys.end(), group.y.begin(), group.y.end());
    names = std::max(names, text_width(group.name, 13));
  }
  if (xs.empty()) fail<ValueError>("chart: no points");
  const Span across = span_of(xs), up = span_of(ys);
  const Axes axes{62, kBodyTop + 28, 440, 330, across.low, across.high, up.low, up.high};
  std::string body = text(20, kBodyTop + 8, y_title, "class=\"sub\"") + axes.frame(6, 6);
  body +=
      text(axes.left + axes.width / 2, axes.top + axes.height + 36, x_title, "class=\"sub\" text-anchor=\"middle\"");
  for (size_t g = 0; g < groups.size(); ++g) {
    const std::string color = mark_color(g).hex();
    for (size_t i = 0; i < groups[g].x.size(); ++i) {
      body += circle(axes.x(groups[g].x[i]), axes.y(groups[g].y[i]), 4, color,
                     "fill-opacity=\".75\" stroke=\"#fff\" stroke-width=\".8\"");
    }
    const double y = axes.top + 8 + 20 * static_cast<double>(g), right = axes.left + axes.width + 18;
    body += circle(right + 5, y, 5, color) + text(right + 17, y + 4.5, groups[g].name, "font-size=\"13\"");
  }
  const double height = std::max(axes.height, 20 * static_cast<double>(groups.size()));
  return document(axes.left + axes.width + 18 + 17 + names + 20, axes.top + height + 52, chart.title, chart.subtitle,
                  body);
}

}  // namespace divvy::app
