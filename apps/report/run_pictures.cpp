#include "apps/report/run_pictures.h"

#include <cmath>

#include "apps/report/chart.h"
#include "apps/report/confusion_picture.h"
#include "apps/report/picture.h"
#include "apps/report/region_picture.h"
#include "apps/report/regression_picture.h"
#include "apps/report/usage_picture.h"
#include "datasets/toy.h"
#include "moe/analysis/metrics.h"

namespace divvy::app {

namespace {

/// With more experts, or classes, a picture is unreadable.
constexpr int64_t kMostExperts = 64, kMostConfused = 20;

std::string mixture_title(const TrainConfig& config, const moe::Record& record) {
  const int64_t experts = record.experts;
  if (experts > 1 && !record.is_divided()) return fmt::format("{} experts learn {} together", experts, config.data);
  return experts == 1 ? fmt::format("One network learns {}", config.data)
                      : fmt::format("{} experts divide {}", experts, config.data);
}

std::string method_text(const Plan& plan, const TrainConfig& config) {
  const moe::ModelOptions& model = config.model();
  std::string text = model.model;
  if (plan.model->has_gate() && model.gate != moe::GateKind::plain) {
    text += fmt::format(", {} gate", name_of(model.gate));
  }
  if (config.recipe != "joint" && config.recipe != model.model) text += fmt::format(", {}", config.recipe);
  return text;
}

std::string outcome_text(const Plan& plan, const TrainConfig& config, const moe::Record& test) {
  std::string text = method_text(plan, config);
  if (test.is_regression()) {
    text += fmt::format(", test mean squared error {:.3g}", moe::mean_squared_error(test));
  } else {
    text += fmt::format(", test accuracy {}", percent(moe::accuracy(test)));
  }
  if (test.experts > 1 && test.has_labels() && test.is_divided()) {
    text += fmt::format(", I(expert; label) {:.2f} bits", moe::mutual_information_label_bits(test));
  }
  return text;
}

/// The decision regions of the model and of each expert in the plane.
std::string regions(const Plan& plan, const TrainConfig& config, const Evaluation& test) {
  const data::Dataset& points = plan.data.test;
  const PlaneGrid grid = PlaneGrid::around(points);
  data::Dataset cells = points;
  cells.x = grid.centers();
  cells.y = Tensor::zeros({grid.cells()}, DType::i64);
  moe::TrainerOptions everywhere = plan.trainer;
  everywhere.batch = 4096;
  everywhere.batch_limit = 0;
  everywhere.evaluation.every_expert = true;
  const moe::Record record = moe::evaluate(*plan.model, cells, everywhere);
  data::Dataset shown = points;
  if (test.routed.size() < points.size()) shown = points.slice(0, test.routed.size());
  RegionPicture picture = region_picture(grid, record, shown, test.routed);
  picture.title = mixture_title(config, record);
  picture.subtitle = outcome_text(plan, config, test.routed);
  return region_svg(picture);
}

/// The linear map from the inputs to `outputs`, by least squares with an intercept.
std::array<double, 4> nearest_map(const std::vector<RegressionPicture::Sample>& samples,
                                  const std::vector<double>& outputs, size_t first) {
  const auto count = static_cast<double>(samples.size());
  double mx[2] = {}, my[2] = {}, xx[2][2] = {}, yx[2][2] = {};
  for (size_t b = 0; b < samples.size(); ++b) {
    for (size_t i = 0; i < 2; ++i) {
      mx[i] += samples[b].input[i] / count;
      my[i] += outputs[first + 2 * b + i] / count;
    }
  }
  for (size_t b = 0; b < samples.size(); ++b) {
    for (size_t i = 0; i < 2; ++i) {
      for (size_t j = 0; j < 2; ++j) {
        xx[i][j] += (samples[b].input[i] - mx[i]) * (samples[b].input[j] - mx[j]);
        yx[i][j] += (outputs[first + 2 * b + i] - my[i]) * (samples[b].input[j] - mx[j]);
      }
    }
  }
  const double determinant = xx[0][0] * xx[1][1] - xx[0][1] * xx[1][0];
  if (!(std::abs(determinant) > 1e-12)) return {};
  const auto entry = [&](size_t i, size_t j) {  // an entry of yx xx^-1; xx is symmetric
    return (yx[i][j] * xx[1 - j][1 - j] - yx[i][1 - j] * xx[1 - j][j]) / determinant;
  };
  return {entry(0, 0), entry(0, 1), entry(1, 0), entry(1, 1)};
}

/// The linear maps that generated a regression after Barber, and those that the experts learned.
std::string barber(const Plan& plan, const TrainConfig& config, const Evaluation& test) {
  const NoGrad no_grad;
  const data::Dataset points = plan.data.test.slice(0, test.routed.size());
  moe::RoutingOptions routing = plan.trainer.evaluation;
  routing.every_expert = true;
  moe::Supervision known(points.y);
  known.target = points.target;
  plan.model->eval();
  Generator random(config.seed);
  const moe::Forward forward = plan.model->run(Variable(points.x), routing, random, known);
  const auto output = forward.output.value().to_doubles(), rows = forward.rows.value().to_doubles();
  const auto input = points.x.to_doubles(), target = points.target.to_doubles();

  RegressionPicture picture;
  picture.title = mixture_title(config, test.routed);
  picture.subtitle = outcome_text(plan, config, test.routed);
  for (size_t b = 0; b < static_cast<size_t>(points.size()); ++b) {
    picture.samples.push_back({.input = {input[2 * b], input[2 * b + 1]},
                               .target = {target[2 * b], target[2 * b + 1]},
                               .output = {output[2 * b], output[2 * b + 1]},
                               .regime = points.y.values<int64_t>()[b],
                               .expert = test.routed.expert[b]});
  }
  const data::BarberOptions made;
  const double c = std::cos(made.rotation), s = std::sin(made.rotation);
  picture.regimes = {{"R", {c, -s, s, c}}, {"S", {made.stretch[0], 0, 0, made.stretch[1]}}};
  for (int64_t e = 0; e < test.routed.experts; ++e) {
    const auto first = static_cast<size_t>(2 * e * points.size());
    picture.experts.push_back({fmt::format("expert {}", e), nearest_map(picture.samples, rows, first)});
  }
  return regression_svg(picture);
}

std::string usage(const Plan& plan, const TrainConfig& config, const RunHistory& history) {
  UsagePicture picture;
  picture.title = fmt::format("Samples of each expert, {}", config.data);
  picture.subtitle = fmt::format("{}; share of the validation part, epoch by epoch", method_text(plan, config));
  picture.selected = history.val_samples_per_expert;
  int64_t epoch = 1;
  for (const moe::Stage& stage : plan.recipe.stages) {
    if (epoch > 1) picture.stages.push_back({epoch, stage.name});
    epoch += stage.epochs;
  }
  return usage_svg(picture);
}

std::string curves(const Plan& plan, const TrainConfig& config, const RunHistory& history) {
  std::vector<CurvePanel> panels = {{"training loss", {{"loss", {history.loss}}}}};
  if (plan.regression()) {
    panels.push_back({"mean squared error", {{"validation", {history.val_error}}}});
  } else {
    panels.push_back({"error, %", {{"training", {history.train_error}}, {"validation", {history.val_error}}}});
  }
  return curves_svg({fmt::format("Training on {}", config.data), method_text(plan, config)}, panels);
}

}  // namespace

std::vector<std::string> draw_pictures(const Plan& plan, const TrainConfig& config, const Evaluation& test,
                                       const RunHistory& history, const RunFolder& folder) {
  std::vector<std::string> files;
  const auto add = [&](const char* name, const std::string& svg) {
    folder.write_text(name, svg);
    files.emplace_back(name);
  };
  const moe::Record& record = test.routed;
  const bool planar = plan.data.test.sample_shape() == Shape{2} && record.experts <= kMostExperts;
  if (planar && record.is_classification() && !scored_by_labels(plan.trainer.evaluation.scores)) {
    add("regions.svg", regions(plan, config, test));
  }
  if (planar && config.data == "barber-regression") add("regression.svg", barber(plan, config, test));
  const bool several = record.experts > 1 && record.experts <= kMostExperts && record.is_divided();
  if (several && record.is_classification()) {
    add("picture.svg", division_svg({mixture_title(config, record),
                                     outcome_text(plan, config, record) + "; % of each class by expert"},
                                    record, plan.data.test));
  }
  if (record.is_classification() && record.classes <= kMostConfused && record.experts <= kMostConfused) {
    add("confusion.svg", confusion_svg(fmt::format("Labels and predictions, {}", config.data),
                                       outcome_text(plan, config, record), record, plan.data.test.class_names));
  }
  if (history.epochs() < 2) return files;
  if (several && history.val_samples_per_expert.size() == history.loss.size()) {
    add("usage.svg", usage(plan, config, history));
  }
  if (history.val_error.size() == history.loss.size()) add("curves.svg", curves(plan, config, history));
  return files;
}

}  // namespace divvy::app
