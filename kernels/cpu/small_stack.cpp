#include "kernels/small_stack.h"

#include <algorithm>

#include "kernels/cpu/expert_sums.h"
#include "kernels/cpu/scratch.h"
#include "kernels/cpu/small_stack/code.h"
#include "kernels/cpu/small_stack/plan.h"
#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

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
        sample_(samples_of(segments)),
        x_(x.data<T>()),
        size_(first_.in * first_.in_rows * first_.in_cols) {}

  /// The sample of a row.
  const T* sample(int64_t row) const { return x_ + (sample_ != nullptr ? sample_[row] : row) * size_; }
  bool reads_samples() const { return code_.reads_samples(first_); }

  /// Transposes rows [row, row + count) into `tile` and returns the largest magnitude in them.
  T read(int64_t row, int64_t count, T* tile) const {
    static thread_local Scratch scratch;
    T* space = scratch.take<T>((size_ + 15) / 16 * 16 * (code_.lanes + 1));
    const T* rows[16];
    for (int64_t lane = 0; lane < count; ++lane) rows[lane] = sample(row + lane);
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

/// The inputs of a unit's tiles: those that are shared, its own in memory of the calling thread, or the samples
/// themselves.
template <class T>
struct UnitInputs {
  const T* samples[kUnitRows];
  bool in_place;
  const T* tiles[kUnitTiles];
  T largest[kUnitTiles];

  UnitInputs(const InputReader<T>& reader, const Schedule::Unit& unit, int64_t lanes, const Tensor& shared,
             const Tensor& shared_largest) {
    const int64_t count = tiles_of(unit.panel.rows(), lanes), size = shared.size(1) * lanes;
    in_place = unit.input < 0 && reader.reads_samples();
    for (int64_t i = 0; in_place && i < unit.panel.rows(); ++i) samples[i] = reader.sample(unit.panel.begin + i);
    if (in_place) return;
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
          .samples = inputs.in_place ? inputs.samples : nullptr,
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

Pays small_stack_pays(const Workload& work, const Shape& sample, const std::vector<SmallLayer>& layers) {
  // Measured with batches of 512. Wider linear layers fill vectors by themselves, and a product of whole matrices is
  // the better way; but where a convolution comes first, a layer behind it finds its input in lanes already. Of few
  // rows, most lanes would be empty. In f64 a vector has too few of them.
  constexpr SmallStackLimits kLimits{
      .channels = 8, .weights = 8192, .weights_after_convolution = 32768, .rows = 32, .rows_of_convolution = 4};
  return kLimits.hold(work, sample, layers);
}

void small_stack(const Tensor& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters,
                 const Segments& segments, Tensor& y, SmallStackSaved* saved) {
  visit_floating("small_stack", x.dtype(), [&]<class T>() {
    const StackCode<T>& code = stack_code<T>();
    const StackPlan plan = plan_of(x.shape(), layers, code.lanes, saved != nullptr);
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
                Tensor::empty({schedule.tiles, plan.mask_size * 2}, DType::u8), InstructionSet::DIVVY_TARGET};
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
    const StackCode<T>& code = stack_code<T>();
    const StackPlan plan = plan_of(x.shape(), layers, code.lanes, true);
    const Schedule schedule = schedule_of(segments, dy.size(0), code.lanes, backward_unit(dy.size(0)));
    const int64_t units = static_cast<int64_t>(schedule.units.size());
    const int64_t cols = dy.size(0) == 0 ? 0 : dy.numel() / dy.size(0);
    const int64_t sample_size = x.shape().range(1).numel();
    ExpertSums<T> sums(schedule.panels, parameters.weights[0].size(0));
    std::vector<size_t> weights, biases;
    for (Tensor& gradient : gradients.weights) weights.push_back(sums.add(gradient));
    for (Tensor& gradient : gradients.biases) biases.push_back(sums.add(gradient));
    T* dx_rows = dx.defined() ? dx.mutable_data<T>() : nullptr;
    // Only read: StackUnit is one type for both directions.
    T* results = const_cast<T*>(saved.results.data<T>());
    auto* masks = reinterpret_cast<uint16_t*>(const_cast<std::byte*>(saved.masks.bytes()));
    const T* upstream = dy.data<T>();
    const InputReader<T> reader(code, plan, x, segments);

    parallel_for(units, [&](int64_t i) {
      const Schedule::Unit& unit = schedule.units[static_cast<size_t>(i)];
      const ExpertParameters<T> own(parameters, unit.panel.expert);
      const UnitInputs<T> unit_inputs(reader, unit, code.lanes, saved.inputs, saved.largest);
      std::vector<T*> dweight, dbias;
      for (const size_t weight : weights) dweight.push_back(sums.of(weight, unit.number));
      for (const size_t bias : biases) dbias.push_back(sums.of(bias, unit.number));
      StackBackward<T> job{.unit = unit_of(plan, code, unit, own, unit_inputs),
                           .dy = upstream + unit.panel.begin * cols,
                           .dx = dx_rows != nullptr ? dx_rows + unit.panel.begin * sample_size : nullptr,
                           .dweight = dweight.data(),
                           .dbias = dbias.data()};
      job.unit.results = results + unit.tile * job.unit.result_stride;
      job.unit.masks = masks + unit.tile * job.unit.mask_stride;
      static thread_local Scratch scratch;
      job.unit.scratch = scratch.take<T>(code.backward_scratch(job.unit, job.dx != nullptr));
      code.backward(job);
    });

    sums.add_up();
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
