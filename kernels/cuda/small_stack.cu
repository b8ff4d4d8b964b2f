#include "kernels/cuda/small_stack/layers.cuh"

#include "kernels/cuda/piece_sums.cuh"

namespace divvy::kernels::cuda {

namespace {

using namespace stack;

constexpr const char* kFault = "small_stack: the segments' offsets or a sample are out of range";

/// What a block may take of the shared memory: so little that several fit on a multiprocessor; where not even one
/// sample does, as much as every device has. Larger samples are kept in the device's memory.
constexpr int64_t kSharedGoal = 46 << 10, kSharedMost = 96 << 10, kSharedWeights = 16 << 10;
constexpr int kMostSamples = 16, kSamplesElsewhere = 4;

/// Where a block has its tile, and how large tiles are. The same for every device, so that results are.
struct TilePlan {
  int samples = 0;
  bool shared = false, weights = false;  ///< weights: those of its expert are copied beside the tile
  size_t shared_bytes = 0;
  int64_t block_values = 0;  ///< in the device's memory, where not shared

  TilePlan(int64_t values_of_sample, int64_t parameters, int64_t value_bytes) {
    const int64_t sample = values_of_sample * value_bytes, all = parameters * value_bytes;
    weights = all <= kSharedWeights;
    const int64_t taken = weights ? all : 0;
    samples =
        static_cast<int>(std::clamp<int64_t>((kSharedGoal - taken) / std::max<int64_t>(sample, 1), 1, kMostSamples));
    shared = samples * sample + taken <= kSharedMost;
    if (!shared) samples = kSamplesElsewhere;
    shared_bytes = static_cast<size_t>(taken + (shared ? samples * sample : 0));
    block_values = shared ? 0 : samples * values_of_sample;
  }
};

template <class T>
struct Common {
  Stack<T> stack;
  DeviceSegments segments;
  Pieces pieces;
  const T* x;
  T* elsewhere;  ///< [blocks, block_values], or null where tiles are in shared memory
  int64_t block_values;
  int samples, values_of_sample;
  bool copies_weights;
};

/// The block's piece of the rows, its memory and the parameters of its expert.
template <class T>
struct BlockTask {
  RowRange rows;
  int64_t index = 0;
  T *memory, *weights;
  bool found;

  __device__ explicit BlockTask(const Common<T>& c) {
    found = c.pieces.find(c.segments, blockIdx.x, rows, index);
    T* shared = dynamic_shared<T>();
    weights = c.copies_weights ? shared : nullptr;
    memory = c.elsewhere != nullptr ? c.elsewhere + blockIdx.x * c.block_values
                                    : shared + (c.copies_weights ? c.stack.parameters : 0);
  }
  __device__ const T* weight(const Layer<T>& layer) const {
    return weights != nullptr ? weights + layer.weight_at : layer.weight + rows.expert * layer.weights();
  }
  __device__ const T* bias(const Layer<T>& layer) const {
    return layer.bias == nullptr ? nullptr : layer.bias + rows.expert * layer.out;
  }
  __device__ void copy_weights(const Stack<T>& stack) const {
    if (weights == nullptr) return;
    for (int l = 0; l < stack.count; ++l) {
      const Layer<T>& layer = stack.layers[l];
      const T* from = layer.weight + rows.expert * layer.weights();
      for_threads(layer.weights(), [&](int64_t i) { weights[layer.weight_at + i] = from[i]; });
    }
  }
  /// The inputs of the rows of the tile, gathered.
  __device__ void read_inputs(const Common<T>& c, const Tile<T>& tile) const {
    const int size = c.stack.input_size;
    for (int s = static_cast<int>(threadIdx.x / 32); s < tile.count; s += kWarps) {
      const int64_t source = c.segments.source(tile.row + s);
      for (int i = static_cast<int>(threadIdx.x % 32); i < size; i += 32) {
        tile.values[s * tile.stride + i] = source < 0 ? T(0) : c.x[source * size + i];
      }
    }
  }
};

template <class T>
struct Forward {
  T *y, *saved;  ///< saved: [N, saved_size], or null
  uint8_t* masks;
};

template <class T>
__global__ void __launch_bounds__(kBlock, 2) forward_kernel(const __grid_constant__ Common<T> c, Forward<T> out) {
  const BlockTask<T> task(c);
  if (!task.found || task.rows.rows() == 0) return;
  const Stack<T>& stack = c.stack;
  task.copy_weights(stack);
  Tile<T> tile{task.memory,     c.values_of_sample, static_cast<int>(task.rows.rows()),
               task.rows.begin, out.masks,          stack.mask_size};
  task.read_inputs(c, tile);
  for (int l = 0; l < stack.count; ++l) {
    const Layer<T>& layer = stack.layers[l];
    const bool last = l + 1 == stack.count;
    __syncthreads();
    evaluate(layer, tile, task.weight(layer), task.bias(layer), [&](int sample, int at, T value) {
      const int64_t row = tile.row + sample;
      if (last) {
        out.y[row * stack.last_size + at] = value;
      } else {
        tile.values[sample * tile.stride + layer.result_at + at] = value;
      }
      if (out.saved != nullptr && (!last || stack.keeps_last())) {
        out.saved[row * stack.saved_size() + layer.result_at - stack.input_size + at] = value;
      }
    });
  }
}

/// The gradients of weight and bias of each layer.
template <class T>
using GradientSums = PieceSums<T, 2 * kMostSmallLayers>;

template <class T>
struct Backward {
  const T *dy, *saved;
  uint8_t* masks;  ///< only read
  T* dx;           ///< of each row, or null
  GradientSums<T> sums;

  static_assert(sizeof(Common<T>) + sizeof(GradientSums<T>) < 4000, "a kernel has 4 KiB of parameters");
};

template <class T>
__global__ void __launch_bounds__(kBlock, 2)
    backward_kernel(const __grid_constant__ Common<T> c, const __grid_constant__ Backward<T> in) {
  const BlockTask<T> task(c);
  if (!task.found) return;
  const Stack<T>& stack = c.stack;
  task.copy_weights(stack);
  const int64_t saved_size = stack.saved_size();
  // The empty piece of an expert without rows has one tile without samples, whose sums are 0.
  int64_t row = task.rows.begin;
  do {
    const int count = static_cast<int>(min(int64_t{c.samples}, task.rows.end - row));
    const Tile<T> tile{task.memory, c.values_of_sample, count, row, in.masks, stack.mask_size};
    const bool add = row != task.rows.begin;
    // Two places for gradients behind the tile's inputs and results; a layer reads one and writes the other.
    T *mine = task.memory + c.samples * c.values_of_sample, *next = mine + c.samples * stack.gradient_size;
    __syncthreads();  // the tile before may still be read
    task.read_inputs(c, tile);
    for_threads(count * saved_size, [&](int64_t i) {
      tile.values[i / saved_size * tile.stride + stack.input_size + i % saved_size] = in.saved[row * saved_size + i];
    });
    for_threads(int64_t{count} * stack.last_size, [&](int64_t i) { mine[i] = in.dy[row * stack.last_size + i]; });
    for (int l = stack.count - 1; l >= 0; --l) {
      const Layer<T>& layer = stack.layers[l];
      const int size = layer.out_size();
      __syncthreads();
      if (layer.relu) {
        const Epilogue<T> passes{.active = tile.values + layer.result_at, .active_stride = tile.stride};
        for_threads(int64_t{count} * size, [&](int64_t i) { mine[i] = passes(mine[i], i / size, i % size); });
        __syncthreads();
      }
      const Upstream<T> dy{mine, size};
      T* dweight = in.sums.of(blockIdx.x, task.rows, task.index, 2 * l);
      T* dbias = in.sums.of(blockIdx.x, task.rows, task.index, 2 * l + 1);
      layer.kernel == 0 ? linear_weights(layer, tile, dy, dweight, dbias, add)
                        : filter_weights(layer, tile, dy, dweight, dbias, add);
      if (l > 0) {
        const int inputs = layer.in_size();
        input_gradient(layer, tile, task.weight(layer), dy,
                       [&](int sample, int at, T value) { next[sample * inputs + at] = value; });
      } else if (in.dx != nullptr) {
        input_gradient(layer, tile, task.weight(layer), dy,
                       [&](int sample, int at, T value) { in.dx[(row + sample) * stack.input_size + at] = value; });
      }
      T* const done = mine;
      mine = next, next = done;
    }
    row += c.samples;
  } while (row < task.rows.end);
}

template <class T>
Stack<T> stack_of(const Shape& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters) {
  Stack<T> stack{};
  stack.count = static_cast<int>(layers.size());
  stack.input_size = static_cast<int>(x.range(1).numel());
  int at = 0, next = stack.input_size;
  const std::vector<SmallLayerSizes> sizes = small_layer_sizes(x.range(1), layers);
  for (size_t l = 0; l < layers.size(); ++l) {
    const Tensor &weight = parameters.weights[l], &bias = parameters.biases[l];
    const SmallLayerSizes& s = sizes[l];
    Layer<T>& layer = stack.layers[l];
    layer.weight = weight.data<T>();
    layer.bias = bias.defined() ? bias.data<T>() : nullptr;
    const auto number = [](int64_t size) { return static_cast<int>(size); };
    layer.kernel = number(s.kernel), layer.padding = number(s.padding);
    layer.relu = s.relu, layer.pool = s.pool;
    layer.in = number(s.in), layer.in_rows = number(s.in_rows), layer.in_cols = number(s.in_cols);
    layer.out = number(s.out), layer.rows = number(s.rows), layer.cols = number(s.cols);
    layer.out_rows = number(s.out_rows), layer.out_cols = number(s.out_cols);
    layer.input_at = at, layer.result_at = next, layer.mask_at = stack.mask_size;
    layer.weight_at = stack.parameters, layer.bias_at = stack.parameters + layer.weights();
    stack.parameters = layer.bias_at + layer.out;
    if (layer.pool) stack.mask_size += layer.out_size();
    stack.gradient_size = std::max(stack.gradient_size, layer.out_size());
    at = next;
    next += layer.out_size();
  }
  stack.last_size = next - at;
  stack.kept_size = at - stack.input_size;
  return stack;
}

/// Starts `kernel` for pieces of `tiles` tiles. Elsewhere: memory for tiles that do not fit in the shared memory.
template <class T>
Common<T> common_of(const Stack<T>& stack, const TilePlan& plan, const Tensor& x, const Segments& segments,
                    int64_t experts, int64_t rows, int64_t tiles, int values_of_sample) {
  const Pieces pieces{plan.samples * tiles};
  return {stack,        on_device(segments, experts, rows, x.size(0), x.device(), kFault),
          pieces,       x.data<T>(),
          nullptr,      plan.block_values,
          plan.samples, values_of_sample,
          plan.weights};
}

Tensor elsewhere_for(const TilePlan& plan, int64_t blocks, const Tensor& like) {
  return plan.shared ? Tensor() : Tensor::empty(Shape{blocks, plan.block_values}, like.dtype(), like.device());
}

}  // namespace

Pays small_stack_pays(const Workload& work, const Shape& sample, const std::vector<SmallLayer>& layers) {
  // A judgment that no GPU has measured yet: the limits of the CPU. Plain sums in a block lose to products of whole
  // matrices where there is more to sum, and few rows make few blocks. What runs in f64 on a GPU is a check.
  constexpr SmallStackLimits kLimits{
      .channels = 8, .weights = 8192, .weights_after_convolution = 32768, .rows = 32, .rows_of_convolution = 4};
  return kLimits.hold(work, sample, layers);
}

void small_stack(const Tensor& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters,
                 const Segments& segments, Tensor& y, SmallStackSaved* saved) {
  visit_floating("small_stack", x.dtype(), [&]<class T>() {
    const Stack<T> stack = stack_of<T>(x.shape(), layers, parameters);
    const int64_t rows = y.size(0), experts = parameters.weights[0].size(0);
    Forward<T> out{};
    if (saved != nullptr) {
      *saved = {{},
                {},
                Tensor::empty(Shape{rows, stack.saved_size()}, x.dtype(), x.device()),
                Tensor::empty(Shape{rows, stack.mask_size}, DType::u8, x.device())};
      out.saved = saved->results.mutable_data<T>();
      out.masks = saved->masks.mutable_data<uint8_t>();
    }
    if (rows == 0 || experts == 0) return;
    out.y = y.mutable_data<T>();
    const int values = stack.input_size + stack.kept_size;
    const TilePlan plan(values, stack.parameters, sizeof(T));
    Common<T> c = common_of(stack, plan, x, segments, experts, rows, 1, values);
    const int64_t blocks = c.pieces.most(rows, experts);
    Tensor elsewhere = elsewhere_for(plan, blocks, x);
    if (elsewhere.defined()) c.elsewhere = elsewhere.mutable_data<T>();
    launch({x.device(), static_cast<unsigned>(blocks), kBlock, plan.shared_bytes}, forward_kernel<T>, c, out);
  });
}

void small_stack_backward(const Tensor& x, const std::vector<SmallLayer>& layers,
                          const SmallStackParameters& parameters, const Segments& segments,
                          const SmallStackSaved& saved, const Tensor& dy, Tensor& dx, SmallStackParameters& gradients) {
  visit_floating("small_stack_backward", dy.dtype(), [&]<class T>() {
    const Stack<T> stack = stack_of<T>(x.shape(), layers, parameters);
    const int64_t rows = dy.size(0), experts = parameters.weights[0].size(0);
    const int values = stack.input_size + static_cast<int>(stack.saved_size());
    const TilePlan plan(values + 2 * stack.gradient_size, stack.parameters, sizeof(T));
    // Several tiles a block where there are very many: each block gives a sum of the gradients of all parameters.
    Common<T> c = common_of(stack, plan, x, segments, experts, rows, rows / (plan.samples * 512) + 1, values);
    const auto wanted = [experts](Tensor& t) -> PieceResult<T> {
      if (!t.defined() || t.numel() == 0) return {};
      return {t.mutable_data<T>(), t.numel() / experts};
    };
    PieceResult<T> results[2 * kMostSmallLayers];
    for (size_t l = 0; l < layers.size(); ++l) {
      results[2 * l] = wanted(gradients.weights[l]), results[2 * l + 1] = wanted(gradients.biases[l]);
    }
    sum_pieces(x.device(), c.segments, c.pieces, results, [&](const GradientSums<T>& sums, int64_t blocks) {
      Tensor elsewhere = elsewhere_for(plan, blocks, x);
      if (elsewhere.defined()) c.elsewhere = elsewhere.mutable_data<T>();
      const Backward<T> in{dy.data<T>(), saved.results.data<T>(), const_cast<uint8_t*>(saved.masks.data<uint8_t>()),
                           dx.defined() ? dx.mutable_data<T>() : nullptr, sums};
      launch({x.device(), static_cast<unsigned>(blocks), kBlock, plan.shared_bytes}, backward_kernel<T>, c, in);
    });
  });
}

}  // namespace divvy::kernels::cuda
