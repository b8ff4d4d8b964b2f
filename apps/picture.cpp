#include "apps/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/png.h"
#include "moe/metrics.h"

namespace divvy::app {

namespace {

constexpr int kCell = 54, kCellHeight = 26, kTop = 96, kStripRows = 5, kStripColumns = 2, kThumb = 24;

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

std::string label(int x, int y, const std::string& text, const std::string& style) {
  return fmt::format("<text x=\"{}\" y=\"{}\" {}>{}</text>\n", x, y, style, escaped(text));
}

/// White through blue to a dark navy.
std::string shade(double share) {
  const double s = std::clamp(share, 0.0, 1.0);
  const auto mix = [s](int light, int dark) { return static_cast<int>(light + s * (dark - light) + 0.5); };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(240, 16), mix(244, 62), mix(250, 138));
}

/// One colour an expert, by the golden angle.
std::string expert_colour(size_t expert) {
  return fmt::format("hsl({:.0f},62%,46%)", 210 + 137.508 * static_cast<double>(expert));
}

std::string heat_map(const moe::Counts& counts, const data::Dataset& dataset, int left) {
  std::string svg;
  const size_t experts = counts.front().size();
  std::vector<int64_t> mass(experts, 0);
  int64_t all = 0;
  for (const auto& row : counts) {
    for (size_t e = 0; e < experts; ++e) mass[e] += row[e], all += row[e];
  }
  for (size_t e = 0; e < experts; ++e) {
    svg += label(left + static_cast<int>(e) * kCell + kCell / 2, kTop - 10, fmt::format("expert {}", e),
                 "class=\"small\" text-anchor=\"middle\"");
  }
  for (size_t c = 0; c <= counts.size(); ++c) {
    const bool total_row = c == counts.size();
    const auto& row = total_row ? mass : counts[c];
    const int64_t total = std::accumulate(row.begin(), row.end(), int64_t{0});
    const int y = kTop + static_cast<int>(c) * kCellHeight + (total_row ? 6 : 0);
    svg +=
        label(left - 8, y + 17, total_row ? "all" : dataset.class_name(static_cast<int64_t>(c)), "text-anchor=\"end\"");
    for (size_t e = 0; e < experts; ++e) {
      const double share = total == 0 ? 0 : static_cast<double>(row[e]) / static_cast<double>(total);
      const int x = left + static_cast<int>(e) * kCell;
      svg += fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"{}\"/>\n", x + 1, y + 1, kCell - 2,
                         kCellHeight - 2, shade(share));
      if (row[e] > 0) {
        svg += label(x + kCell / 2, y + 17, share < 0.005 ? "<1" : fmt::format("{:.0f}", share * 100),
                     fmt::format("class=\"small\" text-anchor=\"middle\" fill=\"{}\"", share > 0.45 ? "#fff" : "#333"));
      }
    }
  }
  return svg;
}

/// Up to ten samples of an expert, the first ones of the data set, as one PNG.
std::string strip(const std::vector<int64_t>& samples, const data::Dataset& dataset) {
  const Shape shape = dataset.sample_shape();
  const int64_t depth = shape[0], height = shape[1], width = shape[2];
  const int64_t shown = depth == 3 ? 3 : 1;
  Picture picture(kStripRows * (height + 2), kStripColumns * (width + 2), shown, 255);
  const uint8_t* pixels = dataset.x.data<uint8_t>();
  for (size_t i = 0; i < samples.size(); ++i) {
    const int64_t top = static_cast<int64_t>(i) / kStripColumns * (height + 2) + 1;
    const int64_t left = static_cast<int64_t>(i) % kStripColumns * (width + 2) + 1;
    const uint8_t* image = pixels + samples[i] * depth * height * width;
    for (int64_t r = 0; r < height; ++r) {
      for (int64_t c = 0; c < width; ++c) {
        for (int64_t k = 0; k < shown; ++k) {
          const uint8_t value = image[(k * height + r) * width + c];
          picture.at(top + r, left + c, k) = shown == 1 ? static_cast<uint8_t>(255 - value) : value;
        }
      }
    }
  }
  return base64(encode_png(picture));
}

std::string strips(const moe::Record& record, const data::Dataset& dataset, int left, int top) {
  constexpr size_t most = kStripRows * kStripColumns;
  std::vector<std::vector<int64_t>> samples(static_cast<size_t>(record.experts));
  for (int64_t i = 0; i < record.size(); ++i) {
    const int64_t expert = record.expert[static_cast<size_t>(i)];
    if (expert < 0) continue;  // no expert took it
    auto& mine = samples[static_cast<size_t>(expert)];
    if (mine.size() < most) mine.push_back(i);
  }
  std::string svg = label(left - 8, top + 17, "samples", "text-anchor=\"end\"");
  for (size_t e = 0; e < samples.size(); ++e) {
    if (samples[e].empty()) continue;
    svg += fmt::format(
        "<image x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" preserveAspectRatio=\"none\" "
        "href=\"data:image/png;base64,{}\"/>\n",
        left + static_cast<int>(e) * kCell + 3, top, kStripColumns * kThumb, kStripRows * kThumb,
        strip(samples[e], dataset));
  }
  return svg;
}

/// The plane of a two-dimensional data set; a point is drawn in the colour of its expert.
std::string plane(const moe::Record& record, const data::Dataset& dataset, int left, int top, int size) {
  const float* x = dataset.x.data<float>();
  float low[2] = {x[0], x[1]}, high[2] = {x[0], x[1]};
  for (int64_t i = 0; i < 2 * record.size(); ++i) {
    low[i % 2] = std::min(low[i % 2], x[i]);
    high[i % 2] = std::max(high[i % 2], x[i]);
  }
  std::string svg =
      fmt::format("<rect x=\"{}\" y=\"{}\" width=\"{}\" height=\"{}\" fill=\"#f7f8fa\"/>\n", left, top, size, size);
  const auto place = [&](int axis, float value) {
    return static_cast<double>(value - low[axis]) / std::max(1e-9, static_cast<double>(high[axis] - low[axis])) *
               (size - 12) +
           6;
  };
  for (int64_t i = 0; i < record.size(); ++i) {
    svg += fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"2.4\" fill=\"{}\"/>\n", left + place(0, x[2 * i]),
                       top + size - place(1, x[2 * i + 1]),
                       expert_colour(static_cast<size_t>(record.expert[static_cast<size_t>(i)])));
  }
  return svg;
}

}  // namespace

std::string division_svg(const PictureText& text, const moe::Record& record, const data::Dataset& dataset) {
  const moe::Counts counts = moe::class_expert_table(record);
  size_t widest = 7;
  for (int64_t c = 0; c < record.classes; ++c) widest = std::max(widest, dataset.class_name(c).size());
  const int left = 28 + static_cast<int>(widest) * 8;
  const int map_bottom = kTop + (static_cast<int>(record.classes) + 1) * kCellHeight + 24;
  const bool images = dataset.sample_shape().rank() == 3 && dataset.x.dtype() == DType::u8;
  const bool planar = dataset.sample_shape() == Shape{2} && dataset.x.dtype() == DType::f32;
  const int plane_size = 420;
  const int width =
      std::max(left + static_cast<int>(record.experts) * kCell + 24, planar ? left + plane_size + 24 : 560);
  const int height = map_bottom + (images ? kStripRows * kThumb + 20 : planar ? plane_size + 20 : 0);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0}\" height=\"{1}\" viewBox=\"0 0 {0} {1}\" "
      "font-family=\"Helvetica, Arial, sans-serif\" font-size=\"14\" fill=\"#222\">\n"
      "<style>.small{{font-size:12px}}.title{{font-size:19px;font-weight:bold}}.sub{{font-size:13px;fill:#666}}</"
      "style>\n"
      "<rect width=\"{0}\" height=\"{1}\" fill=\"#fff\"/>\n",
      width, height);
  svg += label(20, 32, text.title, "class=\"title\"");
  svg += label(20, 54, text.subtitle, "class=\"sub\"");
  svg += heat_map(counts, dataset, left);
  if (images) svg += strips(record, dataset, left, map_bottom);
  if (planar) svg += plane(record, dataset, left, map_bottom, plane_size);
  return svg + "</svg>\n";
}

}  // namespace divvy::app
