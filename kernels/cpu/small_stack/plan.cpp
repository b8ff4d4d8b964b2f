#include "kernels/cpu/small_stack/plan.h"

#include <cstring>

namespace divvy::kernels::cpu {

namespace {

/// Whether two experts with this many rows read the same samples in the same order.
bool same_samples(const Segments& segments, const RowPanel& a, const RowPanel& b) {
  if (!segments.sample.defined() || a.rows() != b.rows()) return false;
  const int64_t* sample = segments.sample.data<int64_t>();
  return std::memcmp(sample + a.begin, sample + b.begin, static_cast<size_t>(a.rows()) * sizeof(int64_t)) == 0;
}

}  // namespace

StackPlan plan_of(const Shape& x, const std::vector<SmallLayer>& layers, int64_t lanes, bool keeps) {
  StackPlan plan;
  int64_t linear_features = 0, conv_features = 0;
  for (const SmallLayerSizes& sizes : small_layer_sizes(x.range(1), layers)) {
    const size_t l = plan.layers.size();
    StackLayer layer{sizes};
    layer.border = l + 1 < layers.size() ? layers[l + 1].padding : 0;
    // Backward has no use for what a last layer without ReLU gives.
    layer.kept = keeps && (l + 1 < layers.size() || layer.relu);
    int64_t& results = layer.kept ? plan.kept_size : plan.passing_size;
    layer.result_at = results, layer.mask_at = plan.mask_size;
    layer.gradient_at = layer.convolution() ? conv_features : linear_features;
    (layer.convolution() ? conv_features : linear_features) += layer.out_size();
    results += layer.stored_size();
    if (layer.pool) plan.mask_size += layer.masks(lanes);
    plan.layers.push_back(layer);
  }
  const StackLayer& first = plan.layers[0];
  plan.input_size = first.in * (first.in_rows + 2 * first.padding) * (first.in_cols + 2 * first.padding);
  return plan;
}

Schedule schedule_of(const Segments& segments, int64_t rows, int64_t lanes, int64_t limit) {
  Schedule result;
  const std::vector<RowPanel> experts = expert_rows(segments, rows);
  int64_t first_input = -1;
  for (size_t e = 0; e < experts.size(); ++e) {
    const RowPanel& all = experts[e];
    if (all.rows() == 0) continue;
    const bool as_before = e > 0 && same_samples(segments, experts[e - 1], all);
    const bool as_next = e + 1 < experts.size() && same_samples(segments, all, experts[e + 1]);
    if (!as_before) first_input = as_next ? static_cast<int64_t>(result.inputs.size()) : -1;
    if (!as_before && as_next) {
      for (int64_t row = all.begin; row < all.end; row += lanes) {
        result.inputs.push_back({row, std::min(lanes, all.end - row)});
      }
    }
    for (int64_t begin = all.begin; begin < all.end; begin += limit) {
      const int64_t tile = (begin - all.begin) / lanes;
      const RowPanel panel{all.expert, begin, std::min(begin + limit, all.end)};
      result.units.push_back(
          {panel, result.panels.size(), result.tiles + tile, first_input < 0 ? -1 : first_input + tile});
      result.panels.push_back(panel);
    }
    result.tiles += tiles_of(all.rows(), lanes);
  }
  // The longest first, so that no thread is left with one at the end; then units that read the same inputs.
  std::stable_sort(result.units.begin(), result.units.end(), [](const auto& left, const auto& right) {
    if (left.panel.rows() != right.panel.rows()) return left.panel.rows() > right.panel.rows();
    return left.input < right.input;
  });
  return result;
}

}  // namespace divvy::kernels::cpu
