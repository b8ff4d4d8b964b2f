#include "apps/report/usage_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/report/svg.h"
#include "tensor/error.h"

namespace divvy::app {

namespace {

using namespace svg;

constexpr double kWidth = 620, kHeight = 330, kLeft = 62, kNames = 150, kNameHeight = 18;

void require_sound(const UsagePicture& p) {
  if (p.selected.empty() || p.selected.front().empty()) {
    fail<ValueError>("picture of usage: {} epochs", p.selected.size());
  }
  for (const auto& epoch : p.selected) {
    if (epoch.size() != p.selected.front().size()) {
      fail<ValueError>("picture of usage: epochs of {} and {} experts", p.selected.front().size(), epoch.size());
    }
    for (int64_t count : epoch) {
      if (count < 0) fail<ValueError>("picture of usage: the count {}", count);
    }
  }
}

/// upper[epoch][expert]: the cumulative share of the samples up to and including this expert.
std::vector<std::vector<double>> stacked(const UsagePicture& p) {
  std::vector<std::vector<double>> upper;
  for (const auto& epoch : p.selected) {
    const auto total =
        static_cast<double>(std::max<int64_t>(1, std::accumulate(epoch.begin(), epoch.end(), int64_t{0})));
    double sum = 0;
    auto& shares = upper.emplace_back();
    for (int64_t count : epoch) shares.push_back(sum += static_cast<double>(count) / total);
  }
  return upper;
}

std::string area(const Axes& axes, const std::vector<double>& at, const std::vector<std::vector<double>>& upper,
                 size_t expert) {
  std::string path;
  for (size_t i = 0; i < at.size(); ++i) {
    path += fmt::format("{}{} {}", i == 0 ? "M" : "L", number(axes.x(at[i])), number(axes.y(upper[i][expert])));
  }
  for (size_t i = at.size(); i-- > 0;) {
    path += fmt::format("L{} {}", number(axes.x(at[i])), number(axes.y(expert == 0 ? 0 : upper[i][expert - 1])));
  }
  return fmt::format("<path d=\"{}Z\" fill=\"{}\" stroke=\"#fff\" stroke-width=\".8\"/>\n", path,
                     expert_color(static_cast<int64_t>(expert)).mixed(kWhite, 0.15).hex());
}

/// The names at the right, each at the height of its area in the last epoch; expert 0 is at the bottom.
std::string names(const Axes& axes, const std::vector<double>& last) {
  std::vector<double> middle, ideal;
  for (size_t e = last.size(); e-- > 0;) ideal.push_back(axes.y((last[e] + (e == 0 ? 0 : last[e - 1])) / 2));
  middle = spread(ideal, kNameHeight, axes.top + 5, axes.top + axes.height - 5);
  std::string result;
  const double right = axes.left + axes.width;
  for (size_t i = 0; i < middle.size(); ++i) {
    const size_t e = last.size() - 1 - i;
    const std::string color = expert_color(static_cast<int64_t>(e)).hex();
    const double share = last[e] - (e == 0 ? 0 : last[e - 1]);
    result += fmt::format("<path d=\"M{} {}L{} {}h6\" fill=\"none\" stroke=\"{}\"/>\n", number(right + 2),
                          number(ideal[i]), number(right + 14), number(middle[i]), color);
    result += rect(right + 24, middle[i] - 6, 12, 12, color, "rx=\"2\"");
    result += fmt::format(
        "<text x=\"{}\" y=\"{}\" font-size=\"13\">expert {}<tspan fill=\"#666\" dx=\"6\">{}</tspan></text>\n",
        number(right + 42), number(middle[i] + 4.5), e,
        share == 0     ? "unused"
        : share < 0.01 ? "&lt;1 %"
                       : fmt::format("{:.0f} %", share * 100));
  }
  return result;
}

std::string stage_lines(const UsagePicture& p, const Axes& axes) {
  std::string result;
  for (const auto& stage : p.stages) {
    const double x = axes.x(static_cast<double>(stage.epoch) - 0.5);
    if (x <= axes.left || x >= axes.left + axes.width) continue;
    result += line(x, axes.top - 4, x, axes.top + axes.height, "#222", "stroke-dasharray=\"4 3\"");
    result += text(x + 4, axes.top - 7, stage.name, "class=\"small\" fill=\"#444\"");
  }
  return result;
}

}  // namespace

std::string usage_svg(const UsagePicture& picture) {
  require_sound(picture);
  const auto epochs = static_cast<double>(picture.selected.size()), first = static_cast<double>(picture.first_epoch);
  const double names_height = kNameHeight * static_cast<double>(picture.selected.front().size());
  Axes axes{kLeft, kBodyTop + 22, kWidth, std::max(kHeight, names_height), first, first + epochs - 1, 0, 100};
  std::vector<double> at;
  for (size_t i = 0; i < picture.selected.size(); ++i) at.push_back(first + static_cast<double>(i));
  auto upper = stacked(picture);
  for (auto& epoch : upper) {
    for (double& share : epoch) share *= 100;
  }
  if (at.size() == 1) {  // a single epoch is drawn as a bar
    axes.x_low -= 0.5;
    axes.x_high += 0.5;
    at = {axes.x_low, axes.x_high};
    upper.push_back(upper.front());
  }
  axes.least_x_step = 1;
  std::string body = text(20, kBodyTop + 4, "samples of each expert, %", "class=\"sub\"");
  for (size_t e = 0; e < upper.front().size(); ++e) body += area(axes, at, upper, e);
  std::vector<double> last = upper.back();
  for (double& share : last) share /= 100;
  Axes shares = axes;
  shares.y_high = 1;
  body += axes.frame(static_cast<int>(std::min(10.0, epochs)), 5) + names(shares, last) + stage_lines(picture, axes);
  body += text(kLeft + kWidth / 2, axes.top + axes.height + 36, "epoch", "class=\"sub\" text-anchor=\"middle\"");
  return document(kLeft + kWidth + kNames, axes.top + axes.height + 52, picture.title, picture.subtitle, body);
}

}  // namespace divvy::app
