#include "kernels/small_stack.h"

#include <algorithm>
#include <cstring>

#include "kernels/cpu/instruction_set.h"
#include "kernels/cpu/row_panels.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/small_stack_unit.h"
#include "kernels/rows.h"
#include "tensor/parallel.h"

namespace divvy::kernels::cpu {

namespace {

constexpr int64_t tiles_of(int64_t rows, int64_t lanes) { return (rows + lanes - 1) / lanes; }

/// The layers with all sizes, and where a tile's results and an expert's parameters lie.
struct StackPlan {
  std::vector<StackLayer> layers;
  int64_t input_size = 0;    ///< features of a stored input, with its border
  int64_t kept_size = 0;     ///< features of a tile's results that are kept for backward
  int64_t passing_size = 0;  ///< and of those that are not
  int64_t mask_size = 0;
  int64_t parameter_size = 0;
};

StackPlan plan_of(const Shape& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters,
                  bool keeps) {
  StackPlan plan;
  const bool image = x.rank() == 4;
  int64_t channels = x[1], rows = image ? x[2] : 1, cols = image ? x[3] : 1;
  int64_t linear_features = 0, conv_features = 0;
  for (size_t l = 0; l < layers.size(); ++l) {
    const SmallLayer& given = layers[l];
    StackLayer layer;
    layer.convolution = given.kernel > 0;
    layer.relu = given.relu, layer.pool = given.pool, layer.bias = parameters.biases[l].defined();
    layer.out = given.out;
    if (layer.convolution) {
      layer.in = channels, layer.in_rows = rows, layer.in_cols = cols;
      layer.kernel = given.kernel, layer.padding = given.padding;
      layer.rows = rows + 2 * given.padding - given.kernel + 1;
      layer.cols = cols + 2 * given.padding - given.kernel + 1;
      layer.out_rows = given.pool ? layer.rows / 2 : layer.rows;
      layer.out_cols = given.pool ? layer.cols / 2 : layer.cols;
    } else {
      layer.in = channels * rows * cols;
    }
    layer.border = l + 1 < layers.size() ? layers[l + 1].padding : 0;
    // Backward has no use for what a last layer without ReLU gives.
    layer.kept = keeps && (l + 1 < layers.size() || layer.relu);
    int64_t& results = layer.kept ? plan.kept_size : plan.passing_size;
    layer.result_at = results, layer.mask_at = plan.mask_size;
    layer.weight_at = plan.parameter_size, layer.bias_at = plan.parameter_size + layer.weights();
    layer.gradient_at = layer.convolution ? conv_features : linear_features;
    (layer.convolution ? conv_features : linear_features) += layer.out_size();
    results += layer.stored_size();
    if (layer.pool) plan.mask_size += 2 * layer.out_size();
    plan.parameter_size = layer.bias_at + layer.out;
    channels = layer.out, rows = layer.out_rows, cols = layer.out_cols;
    plan.layers.push_back(layer);
  }
  const StackLayer& first = plan.layers[0];
  plan.input_size = first.in * (first.in_rows + 2 * first.padding) * (first.in_cols + 2 * first.padding);
  return plan;
}

/// The tiles of each expert, the inputs that several experts share, and the units in which they are computed. Inputs of
/// one expert alone are transposed by the units that read them. Nothing of it depends on the number of threads.
struct Schedule {
  struct Unit {
    RowPanel panel;
    int64_t tile;   ///< the first of its tiles among all
    int64_t input;  ///< the first of its tiles' inputs among those that are shared, or -1
  };
  struct Input {
    int64_t row, count;  ///< the rows whose samples it holds
  };
  std::vector<Unit> units;     ///< in the order in which they are started
  std::vector<size_t> sorted;  ///< the same in the order of experts and rows
  std::vector<Input> inputs;
  int64_t tiles = 0;
};

/// Whether two experts with this many rows read the same samples in the same order.
bool same_samples(const Segments& segments, const RowPanel& a, const RowPanel& b) {
  if (!segments.sample.defined() || a.rows() != b.rows()) return false;
  const int64_t* sample = segments.sample.data<int64_t>();
  return std::memcmp(sample + a.begin, sample + b.begin, static_cast<size_t>(a.rows()) * sizeof(int64_t)) == 0;
}

/// Rows of a unit in backward: enough units for many threads, but not so many that the sums of each over its lanes
/// count. Forward has nothing to sum, and units of a group of tiles leave their inputs in the cache for the next
/// expert.
int64_t backward_unit(int64_t rows) { return std::clamp<int64_t>(rows / 16 / 64 * 64, 128, kUnitRows); }

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
      result.units.push_back({{all.expert, begin, std::min(begin + limit, all.end)},
                              result.tiles + tile,
                              first_input < 0 ? -1 : first_input + tile});
    }
    result.tiles += tiles_of(all.rows(), lanes);
  }
  // The longest first, so that no thread is left with one at the end; then units that read the same inputs.
  std::vector<size_t> order(result.units.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) {
    const auto &left = result.units[a], &right = result.units[b];
    if (left.panel.rows() != right.panel.rows()) return left.panel.rows() > right.panel.rows();
    return left.input < right.input;
  });
  std::vector<Schedule::Unit> units;
  result.sorted.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    units.push_back(result.units[order[i]]);
    result.sorted[order[i]] = i;
  }
  result.units = std::move(units);
  return result;
}

template <class T>
const StackCode<T>& code_of() {
  if constexpr (std::is_same_v<T, double>) {
    return small_stack_plain_f64();
  } else {
#if defined(__x86_64__)
    switch (instruction_set()) {
      case InstructionSet::avx512: return small_stack_avx512();
      case InstructionSet::avx2: return small_stack_avx2();
      case InstructionSet::plain: break;
    }
#endif
    return small_stack_plain_f32();
  }
}

/// The code that works with this many lanes, for what was kept by another call.
template <class T>
const StackCode<T>& code_with(int lanes) {
#if defined(__x86_64__)
  if constexpr (std::is_same_v<T, float>) {
    if (lanes == 16) return small_stack_avx512();
    if (lanes == 8) return small_stack_avx2();
    return small_stack_plain_f32();
  }
#endif
  static_cast<void>(lanes);
  if constexpr (std::is_same_v<T, double>) {
    return small_stack_plain_f64();
  } else {
    return small_stack_plain_f32();
  }
}

/// The parameters of one expert.
template <class T>
struct ExpertParameters {
  std::vector<const T*> weights, biases;

  ExpertParameters(const SmallStackParameters& all, int64_t expert) {
    for (size_t l = 0; l < all.weights.size(); ++l) {
      const Tensor &weight = all.weights[l], &bias = all.biases[l];
      weights.push_back(weight.data<T>() + expert * (weight.numel() / weight.size(0)));
      biases.push_back(bias.defined() ? bias.data<T>() + expert * bias.size(1) : nullptr);
    }
  }
};

/// Reads rows of x into tiles.
template <class T>
class InputReader {
 public:
  InputReader(const StackCode<T>& code, const StackPlan& plan, const Tensor& x, const Segments& segments)
      : code_(code),
        first_(plan.layers[0]),
        sample_(segments.sample.defined() ? segments.sample.data<int64_t>() : nullptr),
        x_(x.data<T>()),
        size_(first_.in * first_.in_rows * first_.in_cols) {}

  /// Transposes rows [row, row + count) into `tile` and returns the largest magnitude in them.
  T read(int64_t row, int64_t count, T* tile) const {
    static thread_local Scratch scratch;
    T* space = scratch.take<T>((size_ + 15) / 16 * 16 * (code_.lanes + 1));
    const T* rows[16];
    for (int64_t lane = 0; lane < count; ++lane) {
      rows[lane] = x_ + (sample_ != nullptr ? sample_[row + lane] : row + lane) * size_;
    }
    return code_.read(rows, count, first_.in, first_.in_rows, first_.in_cols, first_.padding, space, tile);
  }

 private:
  const StackCode<T>& code_;
  const StackLayer& first_;
  const int64_t* sample_;
  const T* x_;
  int64_t size_;
};

template <class T>
void read_shared_inputs(const InputReader<T>& reader, const Schedule& schedule, Tensor& inputs, Tensor& largest) {
  const int64_t tile_size = inputs.size(1) * inputs.size(2);
  T *to = inputs.mutable_data<T>(), *most = largest.mutable_data<T>();
  parallel_tiles(inputs.size(0), 4, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) {
      const auto [row, count] = schedule.inputs[static_cast<size_t>(i)];
      most[i] = reader.read(row, count, to + i * tile_size);
    }
  });
}

/// The inputs of a unit's tiles: those that are shared, or its own, in memory of the calling thread.
template <class T>
struct UnitInputs {
  const T* tiles[kUnitTiles];
  T largest[kUnitTiles];

  UnitInputs(const InputReader<T>& reader, const Schedule::Unit& unit, int64_t lanes, const Tensor& shared,
             const Tensor& shared_largest) {
    const int64_t count = tiles_of(unit.panel.rows(), lanes), size = shared.size(1) * lanes;
    static thread_local Scratch scratch;
    T* own = unit.input < 0 ? scratch.take<T>(count * size) : nullptr;
    for (int64_t t = 0; t < count; ++t) {
      if (own == nullptr) {
        tiles[t] = shared.data<T>() + (unit.input + t) * size;
        largest[t] = shared_largest.data<T>()[unit.input + t];
        continue;
      }
      const int64_t row = unit.panel.begin + t * lanes;
      largest[t] = reader.read(row, std::min(lanes, unit.panel.end - row), own + t * size);
      tiles[t] = own + t * size;
    }
  }
};

/// A unit's part of the tensors.
template <class T>
StackUnit<T> unit_of(const StackPlan& plan, const StackCode<T>& code, const Schedule::Unit& unit,
                     const ExpertParameters<T>& parameters, const UnitInputs<T>& inputs) {
  return {.layers = plan.layers.data(),
          .layer_count = static_cast<int64_t>(plan.layers.size()),
          .weight = parameters.weights.data(),
          .bias = parameters.biases.data(),
          .tiles = tiles_of(unit.panel.rows(), code.lanes),
          .rows = unit.panel.rows(),
          .input = inputs.tiles,
          .largest = inputs.largest,
          .results = nullptr,
          .result_stride = plan.kept_size * code.lanes,
          .passing = nullptr,
          .passing_stride = plan.passing_size * code.lanes,
          .masks = nullptr,
          .mask_stride = plan.mask_size,
          .scratch = nullptr};
}

}  // namespace

void small_stack(const Tensor& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters,
                 const Segments& segments, Tensor& y, SmallStackSaved* saved) {
  visit_floating("small_stack", x.dtype(), [&]<class T>() {
    const StackCode<T>& code = code_of<T>();
    const StackPlan plan = plan_of(x.shape(), layers, parameters, saved != nullptr);
    const Schedule schedule = schedule_of(segments, y.size(0), code.lanes, kTileGroup * 16);
    const auto shared = static_cast<int64_t>(schedule.inputs.size());
    Tensor inputs = Tensor::empty({shared, plan.input_size, code.lanes}, x.dtype());
    Tensor largest = Tensor::empty({shared}, x.dtype());
    const InputReader<T> reader(code, plan, x, segments);
    read_shared_inputs(reader, schedule, inputs, largest);

    T* results = nullptr;
    uint16_t* masks = nullptr;
    if (saved != nullptr) {
      *saved = {inputs, largest, Tensor::empty({schedule.tiles, plan.kept_size, code.lanes}, x.dtype()),
                Tensor::empty({schedule.tiles, plan.mask_size * 2}, DType::u8), static_cast<int>(code.lanes)};
      results = saved->results.mutable_data<T>();
      masks = reinterpret_cast<uint16_t*>(saved->masks.mutable_bytes());
    }
    T* out = y.mutable_data<T>();
    const int64_t cols = y.size(0) == 0 ? 0 : y.numel() / y.size(0);
    parallel_for(static_cast<int64_t>(schedule.units.size()), [&](int64_t i) {
      const Schedule::Unit& unit = schedule.units[static_cast<size_t>(i)];
      const ExpertParameters<T> own(parameters, unit.panel.expert);
      const UnitInputs<T> unit_inputs(reader, unit, code.lanes, inputs, largest);
      StackForward<T> job{unit_of(plan, code, unit, own, unit_inputs), out + unit.panel.begin * cols};
      static thread_local Scratch result_space, mask_space;
      job.unit.passing = result_space.take<T>(kTileGroup * job.unit.passing_stride);
      if (results != nullptr) {
        job.unit.results = results + unit.tile * job.unit.result_stride;
        job.unit.masks = masks + unit.tile * job.unit.mask_stride;
      } else {
        job.unit.masks = mask_space.take<uint16_t>(job.unit.mask_stride);
        job.unit.mask_stride = 0;
      }
      code.forward(job);
    });
  });
}

void small_stack_backward(const Tensor& x, const std::vector<SmallLayer>& layers,
                          const SmallStackParameters& parameters, const Segments& segments,
                          const SmallStackSaved& saved, const Tensor& dy, Tensor& dx, SmallStackParameters& gradients) {
  visit_floating("small_stack_backward", dy.dtype(), [&]<class T>() {
    const StackCode<T>& code = code_with<T>(saved.lanes);
    const StackPlan plan = plan_of(x.shape(), layers, parameters, true);
    const Schedule schedule = schedule_of(segments, dy.size(0), code.lanes, backward_unit(dy.size(0)));
    const int64_t units = static_cast<int64_t>(schedule.units.size());
    const int64_t size = plan.parameter_size, cols = dy.size(0) == 0 ? 0 : dy.numel() / dy.size(0);
    const int64_t sample_size = x.shape().range(1).numel();
    Tensor partial = Tensor::empty({units, size}, dy.dtype());
    T* sums = partial.mutable_data<T>();
    const bool scattered = dx.defined() && segments.sample.defined();
    Tensor rows = scattered ? Tensor::empty(Shape{dy.size(0)}.concat(x.shape().range(1)), dy.dtype()) : dx;
    T* dx_rows = dx.defined() ? rows.mutable_data<T>() : nullptr;
    // Only read: StackUnit is one type for both directions.
    T* results = const_cast<T*>(saved.results.data<T>());
    auto* masks = reinterpret_cast<uint16_t*>(const_cast<std::byte*>(saved.masks.bytes()));
    const T* upstream = dy.data<T>();
    const InputReader<T> reader(code, plan, x, segments);

    parallel_for(units, [&](int64_t i) {
      const Schedule::Unit& unit = schedule.units[static_cast<size_t>(i)];
      const ExpertParameters<T> own(parameters, unit.panel.expert);
      const UnitInputs<T> unit_inputs(reader, unit, code.lanes, saved.inputs, saved.largest);
      StackBackward<T> job{.unit = unit_of(plan, code, unit, own, unit_inputs),
                           .dy = upstream + unit.panel.begin * cols,
                           .dx = dx_rows != nullptr ? dx_rows + unit.panel.begin * sample_size : nullptr,
                           .dparameters = sums + i * size};
      job.unit.results = results + unit.tile * job.unit.result_stride;
      job.unit.masks = masks + unit.tile * job.unit.mask_stride;
      static thread_local Scratch scratch;
      job.unit.scratch = scratch.take<T>(code.backward_scratch(job.unit, job.dx != nullptr));
      code.backward(job);
    });

    // The units of an expert, in the order of their rows.
    const int64_t experts = parameters.weights[0].size(0);
    const auto add_units = [&](Tensor& to, int64_t expert, int64_t at, int64_t count) {
      T* sum = to.mutable_data<T>() + expert * count;
      bool first = true;
      for (const size_t i : schedule.sorted) {
        if (schedule.units[i].panel.expert != expert) continue;
        const T* part = sums + static_cast<int64_t>(i) * size + at;
        for (int64_t n = 0; n < count; ++n) sum[n] = first ? part[n] : sum[n] + part[n];
        first = false;
      }
      if (first) std::fill_n(sum, count, T(0));
    };
    for (int64_t expert = 0; expert < experts; ++expert) {
      for (size_t l = 0; l < layers.size(); ++l) {
        const StackLayer& layer = plan.layers[l];
        Tensor &dweight = gradients.weights[l], &dbias = gradients.biases[l];
        if (dweight.defined()) add_units(dweight, expert, layer.weight_at, layer.weights());
        if (dbias.defined()) add_units(dbias, expert, layer.bias_at, layer.out);
      }
    }
    if (scattered) scatter_add_rows(rows, segments.sample, dx);
  });
}

}  // namespace divvy::kernels::cpu
