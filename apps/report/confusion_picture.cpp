#include "apps/report/confusion_picture.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "apps/report/svg.h"
#include "moe/analysis/metrics.h"
#include "tensor/error.h"

namespace divvy::app {

namespace {

using namespace svg;

/// The counts of label by the expert's own prediction, over the samples of one expert.
moe::Counts confusion_of(const moe::Record& record, int64_t expert) {
  std::vector<int64_t> label = record.label;
  for (size_t i = 0; i < label.size(); ++i) {
    if (record.expert[i] != expert) label[i] = -1;
  }
  return moe::count_pairs(label, record.classes, record.expert_prediction, record.classes);
}

int64_t sum(const std::vector<int64_t>& counts) { return std::accumulate(counts.begin(), counts.end(), int64_t{0}); }

struct Layout {
  double cell = 0, names = 0;  ///< the size of a cell, and the width for class names at the left
  bool numbers = false;
};

std::string map(const moe::Counts& counts, double left, double top, const Layout& layout,
                const std::vector<std::string>& names) {
  const double cell = layout.cell;
  std::string result = rect(left, top, cell * static_cast<double>(counts.size()),
                            cell * static_cast<double>(counts.size()), sequential(0).hex());
  for (size_t r = 0; r < counts.size(); ++r) {
    const int64_t total = sum(counts[r]);
    const double y = top + static_cast<double>(r) * cell;
    if (layout.numbers) result += text(left - 6, y + cell / 2 + 4, names[r], "class=\"small\" text-anchor=\"end\"");
    for (size_t c = 0; c < counts.size(); ++c) {
      const double x = left + static_cast<double>(c) * cell;
      if (counts[r][c] == 0) continue;
      const double share = static_cast<double>(counts[r][c]) / static_cast<double>(total);
      // Wrong predictions are orange, on a scale on which rare ones are visible.
      const Color ground = r == c ? sequential(share) : diverging(std::min(1.0, 0.12 + 1.6 * share));
      const double gap = layout.numbers ? 1 : 0;
      result += rect(x + gap, y + gap, cell - 2 * gap, cell - 2 * gap, ground.hex());
      if (!layout.numbers) continue;
      result += text(x + cell / 2, y + cell / 2 + 4, share < 0.01 ? "<1" : fmt::format("{:.0f}", 100 * share),
                     fmt::format("font-size=\"11\" text-anchor=\"middle\" fill=\"{}\"", text_on(ground).hex()));
    }
  }
  return result + rect(left, top, cell * static_cast<double>(counts.size()), cell * static_cast<double>(counts.size()),
                       "none", "stroke=\"#b8bcc4\"");
}

}  // namespace

std::string confusion_svg(const std::string& title, const std::string& subtitle, const moe::Record& record,
                          const std::vector<std::string>& class_names) {
  const moe::Counts whole = moe::confusion_matrix(record);
  if (!class_names.empty() && std::ssize(class_names) != record.classes) {
    fail<ValueError>("confusion: {} names for {} classes", class_names.size(), record.classes);
  }
  std::vector<std::string> names = class_names;
  for (int64_t c = std::ssize(names); c < record.classes; ++c) names.push_back(fmt::format("{}", c));
  Layout layout;
  layout.numbers = record.classes <= 12;
  layout.cell = layout.numbers ? 26 : std::max(2.0, 300 / static_cast<double>(record.classes));
  for (const auto& name : names) layout.names = std::max(layout.names, layout.numbers ? text_width(name, 12) : 0);
  const double size = layout.cell * static_cast<double>(record.classes),
               step = layout.names + 26 + std::max(size, 226.0);
  const int64_t panels = record.experts == 1 || !record.is_divided() ? 1 : 1 + record.experts;
  const int64_t across =
      std::min<int64_t>(panels, panels == 4 ? 2 : std::max<int64_t>(1, static_cast<int64_t>(1240 / step)));
  std::string body;
  double bottom = 0;
  for (int64_t i = 0; i < panels; ++i) {
    const int64_t row = i / across;
    const double left = 26 + layout.names + static_cast<double>(i % across) * step;
    const double top = kBodyTop + 34 + static_cast<double>(row) * (size + 60);
    const moe::Counts counts = i == 0 ? whole : confusion_of(record, i - 1);
    int64_t samples = 0, right = 0;
    for (size_t c = 0; c < counts.size(); ++c) samples += sum(counts[c]), right += counts[c][c];
    const std::string name = i > 0 ? fmt::format("expert {}", i - 1) : panels > 1 ? "the mixture" : "the model";
    const std::string note = samples == 0
                                 ? "no samples"
                                 : fmt::format("{} samples, {:.1f} % right", samples,
                                               100 * static_cast<double>(right) / static_cast<double>(samples));
    body += fmt::format(
        "<text x=\"{}\" y=\"{}\"><tspan class=\"head\">{}</tspan><tspan class=\"small\" fill=\"#666\" "
        "dx=\"7\">{}</tspan></text>\n",
        number(left), number(top - 9), name, note);
    body += map(counts, left, top, layout, names);
    if (layout.numbers) {
      for (size_t c = 0; c < names.size(); ++c) {
        const double x = left + (static_cast<double>(c) + 0.5) * layout.cell;
        if (text_width(names[c], 12) <= layout.cell) {
          body += text(x, top + size + 15, names[c], "class=\"small\" fill=\"#666\" text-anchor=\"middle\"");
        }
      }
    }
    bottom = top + size + 26;
  }
  body += text(26, bottom + 18,
               "rows: label; columns: prediction; % of the label's samples in the map; wrong ones in orange",
               "class=\"sub\"");
  const double wide = std::max(26 + static_cast<double>(across) * step, 640.0);
  return document(wide, bottom + 36, title, subtitle, body);
}

}  // namespace divvy::app
