#include "apps/report/sweep_pictures.h"

#include "apps/report/chart.h"
#include "tensor/file.h"

namespace divvy::app {

namespace {

struct Figure {
  const char *metric, *title;
  double scale = 1;
};

constexpr Figure kError{"test_error", "test error, %", 100};
constexpr Figure kInformation{"test_mutual_information_label_bits", "I(expert; label), bits"};
constexpr Figure kFigures[] = {kError,
                               {"test_mean_squared_error", "test squared error"},
                               kInformation,
                               {"test_usage_entropy_bits", "gate's mean entropy, bits"}};

}  // namespace

void draw_sweep(const std::vector<std::string>& names, const std::vector<moe::RunGroup>& groups,
                const std::vector<moe::RunRow>& runs, const std::filesystem::path& folder) {
  const auto write = [&](const char* name, const std::string& svg) {
    atomic_write(folder / name, FileKind::checkpoint, svg);
  };
  std::vector<BoxPanel> panels;
  for (const Figure& figure : kFigures) {
    BoxPanel panel{figure.title, {}};
    bool any = false;
    for (const moe::RunGroup& group : groups) {
      auto& values = panel.values.emplace_back();
      for (size_t row : group.rows) {
        const auto found = runs[row].metrics.find(figure.metric);
        if (found != runs[row].metrics.end()) values.push_back(found->second * figure.scale);
      }
      any = any || !values.empty();
    }
    if (any) panels.push_back(std::move(panel));
  }
  if (!panels.empty()) write("boxes.svg", boxes_svg({"Runs over their seeds", "of the test part"}, names, panels));

  std::vector<ScatterGroup> points;
  for (size_t g = 0; g < groups.size(); ++g) {
    ScatterGroup group{names[g], {}, {}};
    for (size_t row : groups[g].rows) {
      const auto& metrics = runs[row].metrics;
      if (!metrics.contains(kInformation.metric) || !metrics.contains(kError.metric)) continue;
      group.x.push_back(metrics.at(kInformation.metric));
      group.y.push_back(metrics.at(kError.metric) * kError.scale);
    }
    if (!group.x.empty()) points.push_back(std::move(group));
  }
  if (points.empty()) return;
  write("scatter.svg", scatter_svg({"Error and division", "each dot a run, of the test part"}, kInformation.title,
                                   kError.title, points));
}

}  // namespace divvy::app
