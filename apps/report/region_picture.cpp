#include "apps/report/region_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <climits>
#include <functional>

#include "apps/report/png.h"
#include "apps/report/svg.h"
#include "tensor/error.h"

namespace divvy::app {

namespace {

using namespace svg;

constexpr double kPanel = 264, kGapX = 56, kHead = 30, kFoot = 34;

size_t index(int64_t i) { return static_cast<size_t>(i); }

void require_entries(const std::vector<int64_t>& values, int64_t count, int64_t low, int64_t limit, const char* name) {
  if (std::ssize(values) != count)
    fail<ValueError>("regions: {} entries of '{}', expected {}", values.size(), name, count);
  for (int64_t value : values) {
    if (value < low || value >= limit) fail<ValueError>("regions: {} {} is outside [{}, {})", name, value, low, limit);
  }
}

void require_sound(const RegionPicture& p) {
  const PlaneGrid& grid = p.grid;
  if (grid.columns < 1 || grid.rows < 1 || !(grid.x_low < grid.x_high) || !(grid.y_low < grid.y_high)) {
    fail<ValueError>("regions: a grid of {} x {} cells over [{}, {}] x [{}, {}]", grid.columns, grid.rows, grid.x_low,
                     grid.x_high, grid.y_low, grid.y_high);
  }
  if (p.experts < 1 || p.classes < 1) fail<ValueError>("regions: {} experts, {} classes", p.experts, p.classes);
  if (!p.class_names.empty() && std::ssize(p.class_names) != p.classes) {
    fail<ValueError>("regions: {} names for {} classes", p.class_names.size(), p.classes);
  }
  require_entries(p.prediction, grid.cells(), 0, p.classes, "prediction");
  require_entries(p.expert, grid.cells(), -1, p.experts, "expert");
  require_entries(p.expert_prediction, p.experts * grid.cells(), 0, p.classes, "expert_prediction");
  for (const auto& point : p.points) {
    require_entries({point.label, point.prediction}, 2, 0, p.classes, "class of a point");
    require_entries({point.expert}, 1, -1, p.experts, "expert of a point");
  }
}

/// The cells as an image; color_of(cell) returns the color of a cell.
std::string raster(const PlaneGrid& grid, const Axes& axes, const std::function<Color(size_t)>& color_of) {
  Picture picture(grid.rows, grid.columns, 3, 255);
  for (int64_t r = 0; r < grid.rows; ++r) {
    for (int64_t c = 0; c < grid.columns; ++c) {
      const Color color = color_of(index((grid.rows - 1 - r) * grid.columns + c));  // row 0 of an image is at the top
      picture.at(r, c, 0) = static_cast<uint8_t>(color.red);
      picture.at(r, c, 1) = static_cast<uint8_t>(color.green);
      picture.at(r, c, 2) = static_cast<uint8_t>(color.blue);
    }
  }
  return fmt::format(
      "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
      "href=\"data:image/png;base64,{}\"/>\n",
      number(axes.left), number(axes.top), number(axes.width), number(axes.height), base64(encode_png(picture)));
}

/// Lines between cells of different values, halfway between their centers; corners are cut, so that slanted borders
/// look slanted.
std::string borders(const PlaneGrid& grid, const Axes& axes, const std::vector<int64_t>& values,
                    const std::string& stroke) {
  const double dx = axes.width / static_cast<double>(grid.columns), dy = axes.height / static_cast<double>(grid.rows);
  std::string path;
  for (int64_t r = 0; r + 1 < grid.rows; ++r) {
    for (int64_t c = 0; c + 1 < grid.columns; ++c) {
      const int64_t at = r * grid.columns + c;
      const int64_t a = values[index(at)], b = values[index(at + 1)];
      const int64_t d = values[index(at + grid.columns)], e = values[index(at + grid.columns + 1)];
      // (x, y) is the corner where the four cells meet; `ends` are midpoints of edges that separate two values.
      const double x = axes.left + static_cast<double>(c + 1) * dx;
      const double y = axes.top + axes.height - static_cast<double>(r + 1) * dy;
      std::vector<std::pair<double, double>> ends;
      if (a != b) ends.emplace_back(x, y + dy / 2);
      if (b != e) ends.emplace_back(x + dx / 2, y);
      if (d != e) ends.emplace_back(x, y - dy / 2);
      if (a != d) ends.emplace_back(x - dx / 2, y);
      if (ends.size() == 2) {
        path += fmt::format("M{} {}L{} {}", number(ends[0].first), number(ends[0].second), number(ends[1].first),
                            number(ends[1].second));
      } else {
        for (const auto& [to_x, to_y] : ends) {
          path += fmt::format("M{} {}L{} {}", number(x), number(y), number(to_x), number(to_y));
        }
      }
    }
  }
  return path.empty() ? "" : fmt::format("<path d=\"{}\" fill=\"none\" {}/>\n", path, stroke);
}

/// The points for which `shown` is true, in the colors of their classes, with crosses on wrong predictions.
std::string dots(const RegionPicture& picture, const Axes& axes,
                 const std::function<bool(const RegionPicture::Point&)>& shown) {
  std::vector<std::string> of_class(index(picture.classes));
  std::vector<std::pair<double, double>> wrong;
  for (const auto& point : picture.points) {
    if (!shown(point)) continue;
    const double x = axes.x(point.x), y = axes.y(point.y);
    if (x < axes.left || x > axes.left + axes.width || y < axes.top || y > axes.top + axes.height) continue;
    of_class[index(point.label)] += fmt::format("<circle cx=\"{}\" cy=\"{}\" r=\"2.3\"/>", number(x), number(y));
    if (point.label != point.prediction) wrong.emplace_back(x, y);
  }
  std::string marks = "<g stroke=\"#fff\" stroke-width=\".6\">\n";
  for (int64_t c = 0; c < picture.classes; ++c) {
    if (!of_class[index(c)].empty()) {
      marks += fmt::format("<g fill=\"{}\">{}</g>\n", class_color(c).hex(), of_class[index(c)]);
    }
  }
  return marks + "</g>\n" + crosses(wrong, 3.4);
}

std::string percent_of(int64_t part, int64_t whole) {
  return whole == 0 ? "-" : fmt::format("{:.1f} %", 100 * static_cast<double>(part) / static_cast<double>(whole));
}

/// The heading of a panel: an optional swatch, a bold name and a gray note.
std::string heading(const Axes& axes, const std::string& name, const std::string& note, const std::string& swatch) {
  std::string result;
  double left = axes.left;
  if (!swatch.empty()) {
    result += rect(left, axes.top - 20, 12, 12, swatch, "rx=\"2\"");
    left += 18;
  }
  return result + fmt::format(
                      "<text x=\"{}\" y=\"{}\"><tspan class=\"head\">{}</tspan><tspan class=\"sub\" dx=\"8\">{}"
                      "</tspan></text>\n",
                      number(left), number(axes.top - 9), escaped(name), escaped(note));
}

/// The Chebyshev distance of each cell to the nearest cell of another expert or outside the grid.
std::vector<int> depths(const PlaneGrid& grid, const std::vector<int64_t>& expert) {
  std::vector<int> depth(index(grid.cells()), 0);
  const auto sweep = [&](int64_t r, int64_t c, int64_t step) {
    const int64_t at = r * grid.columns + c;
    int least = INT_MAX;
    for (const auto& [dr, dc] : {std::pair<int64_t, int64_t>{step, 0}, {0, step}, {step, step}, {step, -step}}) {
      const int64_t row = r + dr, column = c + dc, other = row * grid.columns + column;
      const bool inside = row >= 0 && row < grid.rows && column >= 0 && column < grid.columns;
      least = std::min(least, inside && expert[index(other)] == expert[index(at)] ? depth[index(other)] : 0);
    }
    return 1 + least;
  };
  for (int64_t r = 0; r < grid.rows; ++r) {
    for (int64_t c = 0; c < grid.columns; ++c) depth[index(r * grid.columns + c)] = sweep(r, c, -1);
  }
  for (int64_t r = grid.rows - 1; r >= 0; --r) {
    for (int64_t c = grid.columns - 1; c >= 0; --c) {
      int& own = depth[index(r * grid.columns + c)];
      own = std::min(own, sweep(r, c, 1));
    }
  }
  return depth;
}

/// The cell of greatest depth in each connected region of one expert.
std::vector<int64_t> middles(const PlaneGrid& grid, const std::vector<int64_t>& expert, const std::vector<int>& depth) {
  std::vector<int64_t> result;
  std::vector<bool> seen(expert.size(), false);
  for (int64_t start = 0; start < grid.cells(); ++start) {
    if (seen[index(start)]) continue;
    std::vector<int64_t> open = {start};
    seen[index(start)] = true;
    int64_t deepest = start;
    while (!open.empty()) {
      const int64_t at = open.back(), c = at % grid.columns;
      open.pop_back();
      if (depth[index(at)] > depth[index(deepest)]) deepest = at;
      const std::pair<int64_t, bool> sides[] = {{at - 1, c > 0},
                                                {at + 1, c + 1 < grid.columns},
                                                {at - grid.columns, at >= grid.columns},
                                                {at + grid.columns, at + grid.columns < grid.cells()}};
      for (const auto& [next, inside] : sides) {
        if (!inside || seen[index(next)] || expert[index(next)] != expert[index(at)]) continue;
        seen[index(next)] = true;
        open.push_back(next);
      }
    }
    result.push_back(deepest);
  }
  return result;
}

/// The numbers of the experts in the middle of their regions, for regions that are large enough.
std::string region_names(const RegionPicture& picture, const Axes& axes) {
  const PlaneGrid& grid = picture.grid;
  const double dx = axes.width / static_cast<double>(grid.columns), dy = axes.height / static_cast<double>(grid.rows);
  const std::vector<int> depth = depths(grid, picture.expert);
  std::string result;
  for (int64_t at : middles(grid, picture.expert, depth)) {
    const int64_t expert = picture.expert[index(at)];
    if (expert < 0 || depth[index(at)] * std::min(dx, dy) < 9) continue;
    const int64_t row = at / grid.columns, column = at % grid.columns;
    const auto r = static_cast<double>(row), c = static_cast<double>(column);
    result += text(axes.left + (c + 0.5) * dx, axes.top + axes.height - (r + 0.5) * dy + 6, fmt::format("{}", expert),
                   "font-size=\"17\" font-weight=\"bold\" text-anchor=\"middle\" stroke=\"#fff\" stroke-width=\"3\" "
                   "paint-order=\"stroke\"");
  }
  return result;
}

/// Whether the plane is divided among experts, rather than each sample being given to all of them.
bool is_divided(const RegionPicture& p) {
  return std::ranges::any_of(p.expert, [](int64_t expert) { return expert >= 0; });
}

std::string model_panel(const RegionPicture& p, const Axes& axes) {
  const auto right = std::ranges::count_if(p.points, [](const auto& point) { return point.label == point.prediction; });
  const char* name = p.experts == 1 ? "the model" : is_divided(p) ? "the mixture" : "all together";
  return heading(axes, name, percent_of(right, std::ssize(p.points)) + " right", "") +
         raster(p.grid, axes, [&](size_t cell) { return class_color(p.prediction[cell]).mixed(kWhite, 0.68); }) +
         borders(p.grid, axes, p.expert, "stroke=\"#444\" stroke-width=\".9\"") +
         dots(p, axes, [](const auto&) { return true; }) + axes.frame();
}

std::string gate_panel(const RegionPicture& p, const Axes& axes) {
  return heading(axes, "the gate", "who is asked where", "") +
         raster(p.grid, axes,
                [&](size_t cell) {
                  return p.expert[cell] < 0 ? Color{225, 225, 225} : expert_color(p.expert[cell]).mixed(kWhite, 0.35);
                }) +
         borders(p.grid, axes, p.expert, "stroke=\"#fff\" stroke-width=\"1.4\"") + region_names(p, axes) + axes.frame();
}

std::string expert_panel(const RegionPicture& p, const Axes& axes, int64_t expert) {
  int64_t taken = 0, right = 0;
  for (const auto& point : p.points) {
    taken += point.expert == expert;
    right += point.expert == expert && point.label == point.prediction;
  }
  const size_t offset = index(expert * p.grid.cells());
  std::vector<int64_t> chosen(p.expert.size());
  const bool divided = is_divided(p);
  for (size_t i = 0; i < chosen.size(); ++i) chosen[i] = !divided || p.expert[i] == expert;
  const std::string note = !divided     ? "alone"
                           : taken == 0 ? "no points"
                                        : fmt::format("{} of points, {} right", percent_of(taken, std::ssize(p.points)),
                                                      percent_of(right, taken));
  return heading(axes, fmt::format("expert {}", expert), note, expert_color(expert).hex()) +
         raster(p.grid, axes,
                [&](size_t cell) {
                  const Color color = class_color(p.expert_prediction[offset + cell]);
                  return color.mixed(kWhite, chosen[cell] != 0 ? 0.58 : 0.91);
                }) +
         borders(p.grid, axes, chosen, "stroke=\"#444\" stroke-width=\"1\"") +
         dots(p, axes, [expert](const auto& point) { return point.expert == expert; }) + axes.frame();
}

/// The legend of classes, the gate's border and errors, in lines of at most `width`, and its height.
std::pair<std::string, double> legend(const RegionPicture& p, double left, double top, double width) {
  std::string result;
  double x = left, y = top;
  const auto item = [&](const std::string& name, const std::function<std::string()>& mark) {
    const double wide = 22 + text_width(name, 13) + 18;
    if (x + wide > left + width && x > left) x = left, y += 22;
    result += mark() + text(x + 20, y + 4, name, "font-size=\"13\"");
    x += wide;
  };
  for (int64_t c = 0; c < p.classes; ++c) {
    item(p.class_names.empty() ? fmt::format("class {}", c) : p.class_names[index(c)],
         [&] { return circle(x + 8, y, 5.5, class_color(c).hex()); });
  }
  item("wrong", [&] { return crosses({{x + 8, y}}, 4); });
  if (p.experts > 1 && is_divided(p)) {
    item("border between experts", [&] { return line(x, y, x + 16, y, "#444", "stroke-width=\"1\""); });
  }
  return {result, y + 22 - top};
}

}  // namespace

Tensor PlaneGrid::centers() const {
  if (columns < 1 || rows < 1) fail<ValueError>("regions: a grid of {} x {} cells", columns, rows);
  std::vector<float> values;
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < columns; ++c) {
      values.push_back(
          static_cast<float>(x_low + (static_cast<double>(c) + 0.5) / static_cast<double>(columns) * (x_high - x_low)));
      values.push_back(
          static_cast<float>(y_low + (static_cast<double>(r) + 0.5) / static_cast<double>(rows) * (y_high - y_low)));
    }
  }
  return Tensor::from(values, {cells(), 2});
}

PlaneGrid PlaneGrid::around(const data::Dataset& points, int64_t resolution) {
  if (points.sample_shape() != Shape{2})
    fail<ValueError>("regions: samples {}, expected points [2]", points.sample_shape());
  std::vector<double> x, y;
  const auto values = points.x.values<float>();
  for (size_t i = 0; i + 1 < values.size(); i += 2) {
    x.push_back(values[i]);
    y.push_back(values[i + 1]);
  }
  const Span across = span_of(x), up = span_of(y);
  return {across.low, across.high, up.low, up.high, resolution, resolution};
}

RegionPicture region_picture(const PlaneGrid& grid, const moe::Record& cells, const data::Dataset& test,
                             const moe::Record& record) {
  if (cells.size() != grid.cells() || cells.expert_predictions.empty()) {
    fail<ValueError>("regions: a record of {} samples{} for {} cells; evaluate every expert on every cell",
                     cells.size(), cells.is_dense() ? "" : ", which is not dense,", grid.cells());
  }
  if (record.size() != test.size() || test.sample_shape() != Shape{2} || !record.is_classification()) {
    fail<ValueError>("regions: a record of {} samples for {} points {}", record.size(), test.size(),
                     test.sample_shape());
  }
  RegionPicture picture;
  picture.classes = cells.classes;
  picture.experts = cells.experts;
  picture.class_names = test.class_names;
  picture.grid = grid;
  picture.prediction = cells.prediction;
  picture.expert = cells.expert;
  for (int64_t e = 0; e < cells.experts; ++e) {
    for (int64_t i = 0; i < cells.size(); ++i) {
      picture.expert_prediction.push_back(cells.expert_predictions[index(i * cells.experts + e)]);
    }
  }
  const auto x = test.x.values<float>();
  for (int64_t i = 0; i < record.size(); ++i) {
    const size_t at = index(i);
    picture.points.push_back({x[2 * at], x[2 * at + 1], record.label[at], record.prediction[at], record.expert[at]});
  }
  return picture;
}

std::string region_svg(const RegionPicture& picture) {
  require_sound(picture);
  const int64_t gates = is_divided(picture) ? 1 : 0;
  const int64_t panels = picture.experts == 1 ? 1 : 1 + gates + picture.experts;
  const int64_t across = std::min<int64_t>(panels, panels == 4 ? 2 : panels <= 9 ? 3 : 4);
  const double width = 20 + static_cast<double>(across) * (kGapX + kPanel);
  std::string body;
  double bottom = 0;
  for (int64_t i = 0; i < panels; ++i) {
    const int64_t row = i / across;
    Axes axes;
    axes.left = kGapX + static_cast<double>(i % across) * (kPanel + kGapX);
    axes.top = kBodyTop + kHead + static_cast<double>(row) * (kHead + kPanel + kFoot);
    axes.width = axes.height = kPanel;
    axes.x_low = picture.grid.x_low, axes.x_high = picture.grid.x_high;
    axes.y_low = picture.grid.y_low, axes.y_high = picture.grid.y_high;
    body += i == 0       ? model_panel(picture, axes)
            : i == gates ? gate_panel(picture, axes)
                         : expert_panel(picture, axes, i - 1 - gates);
    bottom = axes.top + kPanel + kFoot;
  }
  const auto [swatches, height] = legend(picture, kGapX, bottom + 14, width - kGapX - 20);
  return document(width, bottom + height + 14, picture.title, picture.subtitle, body + swatches);
}

}  // namespace divvy::app
