#include "kernels/feed_forward.h"

#include <algorithm>
#include <vector>

#include "kernels/cpu/expert_sums.h"
#include "kernels/cpu/product/product.h"
#include "kernels/cpu/product/row_panels.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

/// Expert by expert: all of its products at once, so that its weights and hidden rows pass through the caches once and
/// not once for each product.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

struct Sizes {
  explicit Sizes(const FeedForwardParameters& p)
      : experts(p.up.size(0)), inputs(p.up.size(2)), hidden(p.up.size(1)), outputs(p.down.size(1)) {}
  int64_t experts, inputs, hidden, outputs;
  int64_t pitch = feed_forward_pitch(hidden);                              ///< of the hidden rows
  int64_t multiplications() const { return hidden * (inputs + outputs); }  ///< of a row, in one direction
};

template <class T>
const T* data_or_null(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

/// sum = or += the sum of `rows` rows of `cols` elements, `pitch` apart.
template <class T>
void add_rows(const T* from, int64_t rows, int64_t cols, int64_t pitch, bool first, T* sum) {
  if (first) std::fill_n(sum, cols, T(0));
  for (int64_t r = 0; r < rows; ++r) {
    for (int64_t c = 0; c < cols; ++c) sum[c] += from[r * pitch + c];
  }
}

/// Where the gradients of one expert's parameters go; nullptr for what is not wanted.
template <class T>
struct Targets {
  T *up, *up_bias, *down, *down_bias;
};

/// Rows of one expert, and where their sums go.
template <class T>
struct SumUnit {
  RowPanel panel;
  Targets<T> sums;
  int64_t rows() const { return panel.rows(); }
};

/// An expert with very many rows is cut, so that there is work for every core even if it has all of the rows.
int64_t rows_per_unit(int64_t rows) {
  constexpr int64_t kLeast = 2 * kTileRows, kUnits = 32;
  return std::max(kLeast, tiles_of(rows, kUnits));
}

template <class T>
class Backward {
 public:
  Backward(const Tensor& x, const Tensor& hidden, const FeedForwardParameters& p, const Segments& segments,
           const Tensor& dy, T* dx_rows, Precision precision)
      : s_(p),
        source_(rows_of<T>(x, segments)),
        hidden_(hidden.data<T>()),
        dy_(dy.data<T>()),
        up_(p.up.data<T>()),
        down_(p.down.data<T>()),
        dx_rows_(dx_rows),
        multiply_(precision) {}

  void unit(const SumUnit<T>& unit) const {
    const Targets<T>& to = unit.sums;
    for (int64_t begin = unit.panel.begin; begin < unit.panel.end; begin += kTileRows) {
      const RowPanel part{unit.panel.expert, begin, std::min(begin + kTileRows, unit.panel.end)};
      panel(part, begin == unit.panel.begin, to);
    }
  }

 private:
  void panel(const RowPanel& p, bool first, const Targets<T>& to) const {
    const int64_t rows = p.rows();
    const T *dy = dy_ + p.begin * s_.outputs, *h = hidden_ + p.begin * s_.pitch;
    // The rows are the depth of the products that sum over them.
    if (to.down != nullptr) {
      multiply_(s_.outputs, s_.hidden, rows, {dy, s_.outputs, true}, {h, s_.pitch}, {to.down, s_.hidden, !first});
    }
    if (to.down_bias != nullptr) add_rows(dy, rows, s_.outputs, s_.outputs, first, to.down_bias);
    if (to.up == nullptr && to.up_bias == nullptr && dx_rows_ == nullptr) return;

    static thread_local Scratch scratch;
    T* dz = scratch.take<T>(rows * s_.pitch);
    multiply_(rows, s_.hidden, s_.outputs, {dy, s_.outputs}, {down_ + p.expert * s_.outputs * s_.hidden, s_.hidden},
              {dz, s_.pitch, false, {.active = h, .active_stride = s_.pitch}});
    if (to.up != nullptr) {
      multiply_(s_.hidden, s_.inputs, rows, {dz, s_.pitch, true}, source_.at(p.begin, 0), {to.up, s_.inputs, !first});
    }
    if (to.up_bias != nullptr) add_rows(dz, rows, s_.hidden, s_.pitch, first, to.up_bias);
    if (dx_rows_ == nullptr) return;
    multiply_(rows, s_.inputs, s_.hidden, {dz, s_.pitch}, {up_ + p.expert * s_.hidden * s_.inputs, s_.inputs},
              {dx_rows_ + p.begin * s_.inputs, s_.inputs});
  }

  Sizes s_;
  MatrixView<T> source_;
  const T *hidden_, *dy_, *up_, *down_;
  T* dx_rows_;
  Product<T> multiply_;
};

}  // namespace

FeedForwardAnswer feed_forward_gain(const Workload& work, int64_t in, int64_t hidden, int64_t out) {
  // Measured in f32. With fewer experts the products of each are better cut into tiles for all cores. Layers with as
  // many weights as these were faster so than in lanes, for any number of rows.
  constexpr FeedForwardLimits kLimits{.experts = 8, .weights = 4096};
  return kLimits.judge(work, in, hidden, out);
}

void feed_forward(const Tensor& x, const FeedForwardParameters& parameters, const Segments& segments, Tensor& hidden,
                  Tensor& y, Precision precision) {
  visit_floating("feed_forward", x.dtype(), [&]<class T>() {
    const Sizes s(parameters);
    const MatrixView<T> source = rows_of<T>(x, segments);
    const T *up = parameters.up.data<T>(), *down = parameters.down.data<T>();
    const Epilogue<T> up_epilogue{.bias = data_or_null<T>(parameters.up_bias), .relu = true};
    const Epilogue<T> down_epilogue{.bias = data_or_null<T>(parameters.down_bias)};
    T *h = hidden.mutable_data<T>(), *out = y.mutable_data<T>();
    std::vector<RowPanel> panels = row_panels(segments, y.size(0), kTileRows);
    sort_by_rows(panels);
    const Product<T> multiply(precision);
    const auto units = static_cast<int64_t>(panels.size());
    parallel_tiles(units, units_per_task(units, y.size(0) * s.multiplications()), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        const RowPanel& p = panels[static_cast<size_t>(i)];
        T* rows = h + p.begin * s.pitch;
        multiply(p.rows(), s.hidden, s.inputs, source.at(p.begin, 0),
                 {up + p.expert * s.hidden * s.inputs, s.inputs, true},
                 {rows, s.pitch, false, up_epilogue.at(0, p.expert * s.hidden)});
        multiply(p.rows(), s.outputs, s.hidden, {rows, s.pitch},
                 {down + p.expert * s.outputs * s.hidden, s.hidden, true},
                 {out + p.begin * s.outputs, s.outputs, false, down_epilogue.at(0, p.expert * s.outputs)});
      }
    });
  });
}

void feed_forward_backward(const Tensor& x, const Tensor& hidden, const FeedForwardParameters& parameters,
                           const Segments& segments, const Tensor& dy, Tensor& dx, FeedForwardParameters& gradients,
                           Precision precision) {
  visit_floating("feed_forward_backward", x.dtype(), [&]<class T>() {
    const Sizes s(parameters);
    const Backward<T> backward(x, hidden, parameters, segments, dy, dx.defined() ? dx.mutable_data<T>() : nullptr,
                               precision);

    const std::vector<RowPanel> panels = row_panels(segments, dy.size(0), rows_per_unit(dy.size(0)));
    ExpertSums<T> sums(panels, s.experts);
    const size_t up = sums.add(gradients.up), up_bias = sums.add(gradients.up_bias);
    const size_t down = sums.add(gradients.down), down_bias = sums.add(gradients.down_bias);
    std::vector<SumUnit<T>> units;
    for (size_t i = 0; i < panels.size(); ++i) {
      units.push_back({panels[i], {sums.of(up, i), sums.of(up_bias, i), sums.of(down, i), sums.of(down_bias, i)}});
    }
    sort_by_rows(units);
    const auto tasks = static_cast<int64_t>(units.size());
    parallel_tiles(tasks, units_per_task(tasks, 2 * dy.size(0) * s.multiplications()), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) backward.unit(units[static_cast<size_t>(i)]);
    });
    sums.add_up();
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
