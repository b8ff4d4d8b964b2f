#include "nn/fused_stack.h"

#include <algorithm>
#include <typeinfo>

#include "autograd/ops/feed_forward.h"
#include "autograd/ops/pool2d.h"
#include "autograd/ops/small_stack.h"
#include "autograd/ops/unary.h"
#include "nn/activation.h"
#include "nn/conv2d.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/pool.h"

namespace divvy::nn {

namespace {

thread_local bool layer_by_layer = false;
thread_local FusionWatch* watch = nullptr;

// Where fusing pays, measured with batches of 512 in f32. Wider linear layers fill vectors by themselves, and a product
// of whole matrices is the better way; but where a convolution comes first, a layer between finds its input in lanes
// already. Of few rows, most lanes would be empty.
constexpr int64_t kMostChannels = 8, kMostWeights = 8192, kMostWeightsAfterConvolution = 32768;
constexpr int64_t kLeastRows = 32, kLeastRowsOfConvolution = 4;

/// The module as an M, if it is one and of no class derived from it, whose forward() could be another.
template <class M>
const M* exactly(const Module& module) {
  return typeid(module) == typeid(M) ? static_cast<const M*>(&module) : nullptr;
}

/// Collects layers for one operation.
class Run {
 public:
  Run(const std::vector<std::shared_ptr<Module>>& modules, int64_t end, const Variable& x)
      : modules_(modules), end_(end), x_(x) {}

  /// Takes the layer at `at` and what belongs to it; returns where the next one is, or `at` where this is the end.
  int64_t take(int64_t at) {
    int64_t next = at;
    if (module<Flatten>(next) != nullptr && module<Flatten>(next)->from_axis() == 1 && !layers.empty()) ++next;
    SmallLayer layer;
    if (const auto* conv = next == at ? module<Conv2d>(next) : nullptr) {
      const Conv2dOptions& o = conv->options();
      if (o.stride != 1 || o.groups != 1 || o.in > kMostChannels || o.out > kMostChannels) return at;
      layer = {.out = o.out, .kernel = o.kernel, .padding = o.padding};
      if (!fits(o.experts, o.dtype)) return at;
      add_parameters(conv->weight(), conv->bias());
    } else if (const auto* linear = module<Linear>(next)) {
      const LinearOptions& o = linear->options();
      if (o.in * o.out > (convolves() ? kMostWeightsAfterConvolution : kMostWeights)) return at;
      if (!fits(o.experts, o.dtype)) return at;
      layer = {.out = o.out};
      add_parameters(linear->weight(), linear->bias());
    } else {
      return at;
    }
    ++next;
    if (module<ReLU>(next) != nullptr) layer.relu = true, ++next;
    const auto* pool = layer.kernel > 0 ? module<MaxPool2d>(next) : nullptr;
    if (pool != nullptr && pool->kernel() == 2 && pool->stride() == 2) layer.pool = true, ++next;
    layers.push_back(layer);
    if (!kernels::small_stack_fits(x_.shape().range(1), layers)) {
      layers.pop_back(), weights.pop_back(), biases.pop_back();
      return at;
    }
    return next;
  }

  bool pays(int64_t rows) const {
    return rows >= std::max<int64_t>(experts_, 1) * (convolves() ? kLeastRowsOfConvolution : kLeastRows);
  }

  std::vector<SmallLayer> layers;
  std::vector<Variable> weights, biases;

 private:
  bool convolves() const { return !layers.empty() && layers[0].kernel > 0; }
  template <class M>
  const M* module(int64_t at) const {
    return at < end_ ? exactly<M>(*modules_[static_cast<size_t>(at)]) : nullptr;
  }
  /// All layers of a run are stacked alike.
  bool fits(int64_t experts, DType dtype) {
    if (layers.empty()) experts_ = experts;
    return experts == experts_ && dtype == x_.dtype();
  }
  void add_parameters(const Variable& weight, const Variable& bias) {
    weights.push_back(weight);
    biases.push_back(bias);
  }

  const std::vector<std::shared_ptr<Module>>& modules_;
  int64_t end_;
  const Variable& x_;
  int64_t experts_ = 0;
};

/// The longest run of small layers as one operation; returns where it stopped, or `begin` where it does not pay.
int64_t forward_in_lanes(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end, const Rows& x,
                         Variable& y) {
  Run run(modules, end, x.source());
  int64_t at = begin;
  while (true) {
    const int64_t next = run.take(at);
    if (next == at) break;
    at = next;
  }
  if (at - begin < 2 || !run.pays(x.size())) return begin;
  y = small_stack(x.source(), run.layers, run.weights, run.biases, x.segments());
  return at;
}

// With fewer experts the products of each are better cut into tiles for all cores. Layers with as many weights as these
// were faster so than in lanes, for any number of rows.
constexpr int64_t kLeastExperts = 8, kLeastWeights = 4096;

/// Two linear layers of the same experts, each with so many weights for an expert, with ReLU between them as one
/// operation; returns where it stopped, or `begin`.
int64_t forward_pair(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end, const Rows& x,
                     int64_t weights, Variable& y) {
  if (end - begin < 3 || !x.divided()) return begin;
  const auto at = [&](int64_t i) -> const Module& { return *modules[static_cast<size_t>(begin + i)]; };
  const auto *up = exactly<Linear>(at(0)), *down = exactly<Linear>(at(2));
  if (up == nullptr || down == nullptr || exactly<ReLU>(at(1)) == nullptr) return begin;
  const LinearOptions &first = up->options(), &second = down->options();
  if (first.experts < kLeastExperts || first.experts != second.experts || first.out != second.in) return begin;
  if (std::min(first.in * first.out, second.in * second.out) < weights) return begin;
  const Variable& batch = x.source();
  if (first.dtype != batch.dtype() || second.dtype != batch.dtype()) return begin;
  y = feed_forward(batch, up->weight(), up->bias(), down->weight(), down->bias(), x.segments());
  return begin + 3;
}

/// ReLU and the max-pool behind it the other way round, which gives the same and lets ReLU pass over fewer pixels;
/// returns where it stopped, or `begin`.
int64_t forward_pooled(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end, const Rows& x,
                       Variable& y) {
  if (end - begin < 2 || !x.in_place()) return begin;
  if (exactly<ReLU>(*modules[static_cast<size_t>(begin)]) == nullptr) return begin;
  const auto* pool = exactly<MaxPool2d>(*modules[static_cast<size_t>(begin + 1)]);
  if (pool == nullptr) return begin;
  y = relu(max_pool2d(x.source(), pool->kernel(), pool->stride()));
  return begin + 2;
}

}  // namespace

LayerByLayer::LayerByLayer() : before_(layer_by_layer) { layer_by_layer = true; }
LayerByLayer::~LayerByLayer() { layer_by_layer = before_; }
bool LayerByLayer::active() { return layer_by_layer; }

FusionWatch::FusionWatch() : outer_(watch) { watch = this; }
FusionWatch::~FusionWatch() { watch = outer_; }

int64_t forward_fused(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end, const Rows& x,
                      Variable& y) {
  if (layer_by_layer || x.source().shape().rank() < 2) return begin;
  int64_t at = forward_pooled(modules, begin, end, x, y);
  // In f64 a vector of the CPU has too few lanes for the others to pay, and f64 on a GPU is for checks.
  if (at != begin || x.source().dtype() != DType::f32) return at;
  at = forward_pair(modules, begin, end, x, kLeastWeights, y);
  if (at == begin) at = forward_in_lanes(modules, begin, end, x, y);
  if (at == begin) at = forward_pair(modules, begin, end, x, 0, y);
  if (at == begin) return begin;
  for (FusionWatch* w = watch; w != nullptr; w = w->outer_) {
    for (int64_t i = begin; i < at; ++i) w->modules_.insert(modules[static_cast<size_t>(i)].get());
  }
  return at;
}

}  // namespace divvy::nn
