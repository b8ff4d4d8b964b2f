#include "apps/report/picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/report/png.h"
#include "apps/report/svg.h"
#include "moe/analysis/metrics.h"

namespace divvy::app {

namespace {

using namespace svg;

constexpr int kCell = 54, kHalfCell = kCell / 2, kCellHeight = 26, kTop = 96, kStripRows = 5, kStripColumns = 2,
              kThumb = 24;

/// The shares of each class in percent; with `swatches` each expert's color is shown below its name.
std::string heat_map(const moe::Counts& counts, const data::Dataset& dataset, int left, bool swatches) {
  std::string svg;
  const size_t experts = counts.front().size();
  std::vector<int64_t> mass(experts, 0);
  int64_t all = 0;
  for (const auto& row : counts) {
    for (size_t e = 0; e < experts; ++e) mass[e] += row[e], all += row[e];
  }
  for (size_t e = 0; e < experts; ++e) {
    const int x = left + static_cast<int>(e) * kCell;
    svg += text(x + kHalfCell, kTop - 10, fmt::format("expert {}", e), "class=\"small\" text-anchor=\"middle\"");
    if (swatches) svg += rect(x + 1, kTop - 5, kCell - 2, 4, expert_color(static_cast<int64_t>(e)).hex());
  }
  for (size_t c = 0; c <= counts.size(); ++c) {
    const bool total_row = c == counts.size();
    const auto& row = total_row ? mass : counts[c];
    const int64_t total = std::accumulate(row.begin(), row.end(), int64_t{0});
    const int y = kTop + static_cast<int>(c) * kCellHeight + (total_row ? 6 : 0);
    svg +=
        text(left - 8, y + 17, total_row ? "all" : dataset.class_name(static_cast<int64_t>(c)), "text-anchor=\"end\"");
    for (size_t e = 0; e < experts; ++e) {
      const double share = total == 0 ? 0 : static_cast<double>(row[e]) / static_cast<double>(total);
      const int x = left + static_cast<int>(e) * kCell;
      svg += rect(x + 1, y + 1, kCell - 2, kCellHeight - 2, sequential(share).hex());
      if (row[e] > 0) {
        svg += text(x + kHalfCell, y + 17, share < 0.005 ? "<1" : fmt::format("{:.0f}", share * 100),
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
    if (expert < 0) continue;  // without an expert
    auto& mine = samples[static_cast<size_t>(expert)];
    if (mine.size() < most) mine.push_back(i);
  }
  std::string svg = text(left - 8, top + 17, "samples", "text-anchor=\"end\"");
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

/// The plane of a two-dimensional data set, with each point in the color of its expert.
std::string plane(const moe::Record& record, const data::Dataset& dataset, int left, int top, int size) {
  const float* x = dataset.x.data<float>();
  float low[2] = {x[0], x[1]}, high[2] = {x[0], x[1]};
  for (int64_t i = 0; i < 2 * record.size(); ++i) {
    low[i % 2] = std::min(low[i % 2], x[i]);
    high[i % 2] = std::max(high[i % 2], x[i]);
  }
  std::string svg = rect(left, top, size, size, "#f7f8fa");
  const auto place = [&](int axis, float value) {
    return static_cast<double>(value - low[axis]) / std::max(1e-9, static_cast<double>(high[axis] - low[axis])) *
               (size - 12) +
           6;
  };
  for (int64_t i = 0; i < record.size(); ++i) {
    const int64_t expert = record.expert[static_cast<size_t>(i)];
    svg += circle(left + place(0, x[2 * i]), top + size - place(1, x[2 * i + 1]), 2.4,
                  expert < 0 ? "#bbb" : expert_color(expert).hex());
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
  std::string svg = heat_map(counts, dataset, left, planar);
  if (images) svg += strips(record, dataset, left, map_bottom);
  if (planar) svg += plane(record, dataset, left, map_bottom, plane_size);
  return document(width, height, text.title, text.subtitle, svg);
}

}  // namespace divvy::app
