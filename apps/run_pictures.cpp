#include "apps/run_pictures.h"

#include "apps/picture.h"
#include "moe/metrics.h"

namespace divvy::app {

namespace {

/// More experts than this make a picture that nobody reads.
constexpr int64_t kMostExperts = 64;

PictureText division_text(const TrainConfig& config, const moe::Record& test) {
  return {fmt::format("{} experts divide {}", test.experts, config.data),
          fmt::format("{}, test accuracy {}, I(expert; label) {:.2f} bits; % of each class by expert", config.model,
                      percent(moe::accuracy(test)), moe::mutual_information_label_bits(test))};
}

}  // namespace

std::vector<std::string> draw_pictures(const Plan& plan, const TrainConfig& config, const Evaluation& test,
                                       const std::vector<std::vector<int64_t>>& counts, const RunFolder& folder) {
  std::vector<std::string> files;
  const moe::Record& record = test.routed;
  if (record.experts < 2 || record.experts > kMostExperts) return files;
  if (record.is_classification()) {
    folder.write_text("picture.svg", division_svg(division_text(config, record), record, plan.data.test));
    files.emplace_back("picture.svg");
  }
  static_cast<void>(counts);
  return files;
}

}  // namespace divvy::app
