#include "nn/plan.h"

#include <algorithm>
#include <optional>

#include "autograd/ops/feed_forward.h"
#include "autograd/ops/pool2d.h"
#include "autograd/ops/small_stack.h"
#include "autograd/ops/unary.h"
#include "kernels/feed_forward.h"
#include "nn/spec.h"
#include "tensor/error.h"

namespace divvy::nn {

namespace {

using Modules = std::vector<std::shared_ptr<Module>>;

constexpr int kLinearRank = 2, kConv2dRank = 4;  // of the weight of a layer alone

/// Experts that are stacked in a weight; 0 for a layer alone.
int64_t experts_of(const Variable& weight, int rank) { return weight.shape().rank() > rank ? weight.size(0) : 0; }

std::string dtype_text(const Variable& weight) { return fmt::format("a weight in {}", weight.dtype()); }

/// The shape [N, ...] that a layer gives for x; nothing where it does not say.
std::optional<Shape> result_shape(const Spec& spec, const Shape& x) {
  if (x.rank() < 2) return std::nullopt;
  if (const auto* linear = std::get_if<LinearSpec>(&spec)) return Shape{x[0], linear->weight.size(-2)};
  if (const auto* conv = std::get_if<Conv2dSpec>(&spec)) {
    return kernels::conv2d_shape(x, conv->weight.shape(), conv->geometry, {});
  }
  if (const auto* pool = std::get_if<MaxPool2dSpec>(&spec)) return kernels::pool2d_shape("max_pool2d", x, pool->window);
  if (std::holds_alternative<FlattenSpec>(spec)) return Shape{x[0], x.range(1).numel()};
  if (std::holds_alternative<std::monostate>(spec)) return std::nullopt;
  return x;
}

/// Finds the steps of a plan.
class Planner {
 public:
  Planner(const Modules& modules, int64_t begin, int64_t end, const PlanInput& input)
      : begin_(begin), end_(end), input_(input), shape_(input.shape) {
    for (int64_t i = begin; i < end; ++i) specs_.push_back(modules[static_cast<size_t>(i)]->spec());
  }

  /// The step that begins at `at`.
  Step next(int64_t at) const {
    Step alone{StepKind::layer, at, at + 1};
    if (find<std::monostate>(at)) alone.reason = "says nothing of itself";
    const bool pools = find<ReluSpec>(at) && find<MaxPool2dSpec>(at + 1);
    if (shape_.rank() < 2 || !(pools || find<LinearSpec>(at) || find<Conv2dSpec>(at))) return alone;
    if (!input_.fused) {
      alone.reason = "fused evaluation is off";
      return alone;
    }
    if (pools) return {StepKind::relu_after_pool, at, at + 2};
    const kernels::FeedForwardAnswer pair = feed_forward_gain(at);
    if (pair.gain != kernels::FeedForwardGain::over_small_stack) {
      // A single module is no stack.
      Step stack = small_stack(at);
      if (stack.end - at >= 2) return stack;
      alone.reason = stack.end > at ? "nothing behind it to fuse with" : std::move(stack.reason);
      if (!pair.why_not.empty() && pair.why_not != alone.reason) alone.reason += " and " + pair.why_not;
    }
    if (pair.gain != kernels::FeedForwardGain::nothing) return {StepKind::feed_forward, at, at + 3};
    return alone;
  }

  /// Goes on to what a step gives; false where that is not known.
  bool pass(const Step& step) {
    for (int64_t i = step.begin; i < step.end; ++i) {
      const auto shape = result_shape(specs_[static_cast<size_t>(i - begin_)], shape_);
      if (!shape) return false;
      shape_ = *shape;
    }
    return true;
  }

 private:
  /// What the layer at `at` says it is, if it is that.
  template <class S>
  const S* find(int64_t at) const {
    return at < end_ ? std::get_if<S>(&specs_[static_cast<size_t>(at - begin_)]) : nullptr;
  }

  kernels::Workload work(int64_t experts) const { return {input_.device, input_.dtype, experts, shape_[0]}; }

  /// For the two linear layers with a ReLU between them that begin at `at`; nothing, without a word, for others.
  kernels::FeedForwardAnswer feed_forward_gain(int64_t at) const {
    const auto *up = find<LinearSpec>(at), *down = find<LinearSpec>(at + 2);
    if (!up || !down || !find<ReluSpec>(at + 1)) return {kernels::FeedForwardGain::nothing};
    const Variable &first = up->weight, &second = down->weight;
    const int64_t experts = experts_of(first, kLinearRank);
    for (const Variable& weight : {first, second}) {
      if (weight.dtype() != input_.dtype) return {kernels::FeedForwardGain::nothing, dtype_text(weight)};
    }
    if (experts != experts_of(second, kLinearRank) || first.size(-2) != second.size(-1)) {
      return {kernels::FeedForwardGain::nothing, "layers that do not fit each other"};
    }
    return kernels::feed_forward_gain(work(experts), first.size(-1), first.size(-2), second.size(-2));
  }

  /// The longest run of layers from `at` on that pays as a small stack. Where there is none it ends at `at`, and has a
  /// reason.
  Step small_stack(int64_t at) const {
    Step stack{StepKind::small_stack, at, at};
    const auto ended = [&](std::string reason) {
      if (stack.layers.empty()) stack.reason = std::move(reason);
      return stack;
    };
    std::optional<int64_t> experts;  // all layers are stacked alike
    while (true) {
      int64_t next = stack.end;
      SmallLayer layer;
      const Variable* weight = nullptr;
      if (const auto* conv = find<Conv2dSpec>(next)) {
        weight = &conv->weight;
        const auto [stride, padding, groups] = conv->geometry;
        if (stride != 1) return ended(fmt::format("a stride of {}", stride));
        if (groups != 1) return ended(fmt::format("{} groups", groups));
        if (weight->size(-2) != weight->size(-1)) return ended("filters that are no squares");
        layer = {.out = weight->size(-4), .kernel = weight->size(-1), .padding = padding};
      } else {
        if (!stack.layers.empty() && find<FlattenSpec>(next)) ++next;
        const auto* linear = find<LinearSpec>(next);
        if (!linear) return ended("not linear");
        weight = &linear->weight;
        layer = {.out = weight->size(-2)};
      }
      ++next;
      const int64_t stacked = experts_of(*weight, layer.kernel > 0 ? kConv2dRank : kLinearRank);
      if (stacked != experts.value_or(stacked)) return ended("stacked otherwise");
      if (weight->dtype() != input_.dtype) return ended(dtype_text(*weight));
      experts = stacked;
      if (find<ReluSpec>(next)) layer.relu = true, ++next;
      const auto* pool = layer.kernel > 0 ? find<MaxPool2dSpec>(next) : nullptr;
      if (pool && pool->window.kernel == 2 && pool->window.stride == 2) layer.pool = true, ++next;
      stack.layers.push_back(layer);
      if (kernels::Pays pays = kernels::small_stack_pays(work(stacked), shape_.range(1), stack.layers); !pays) {
        stack.layers.pop_back();
        return ended(std::move(pays.why_not));
      }
      stack.end = next;
    }
  }

  int64_t begin_, end_;
  std::vector<Spec> specs_;
  const PlanInput& input_;
  Shape shape_;  ///< of what the next step takes
};

const char* text_of(StepKind kind) {
  switch (kind) {
    case StepKind::layer: return "layer by layer";
    case StepKind::small_stack: return "small stack";
    case StepKind::feed_forward: return "feed-forward";
    case StepKind::relu_after_pool: return "max-pool before ReLU";
  }
  return "";
}

/// " (3 rows of at least 32)", or each reason with its modules where they are not of one step; nothing without any.
std::string reasons_text(std::vector<Step>::const_iterator step, std::vector<Step>::const_iterator end) {
  const bool one = end - step == 1;
  std::vector<std::pair<std::string, std::string>> modules_of;  // by the reasons, in their order
  for (; step != end; ++step) {
    if (step->reason.empty()) continue;
    const auto known = std::find_if(modules_of.begin(), modules_of.end(),
                                    [&](const auto& entry) { return entry.first == step->reason; });
    if (known == modules_of.end()) {
      modules_of.emplace_back(step->reason, fmt::format("{}", step->begin));
    } else {
      known->second += fmt::format(", {}", step->begin);
    }
  }
  std::string text;
  for (const auto& [reason, modules] : modules_of) {
    text += (text.empty() ? " (" : "; ") + (one ? "" : modules + ": ") + reason;
  }
  return text.empty() ? text : text + ")";
}

}  // namespace

bool Plan::fuses() const {
  return std::any_of(steps.begin(), steps.end(), [](const Step& step) { return step.kind != StepKind::layer; });
}

bool Plan::has_candidates() const {
  return fuses() || std::any_of(steps.begin(), steps.end(), [](const Step& step) { return !step.reason.empty(); });
}

std::string Plan::to_string() const {
  std::string text =
      input.shape.rank() == 0 ? "a scalar" : fmt::format("{} rows of {}", input.shape[0], input.shape.range(1));
  for (size_t i = 0; i < steps.size();) {
    size_t last = i;  // layers by themselves are told together
    if (steps[i].kind == StepKind::layer) {
      while (last + 1 < steps.size() && steps[last + 1].kind == StepKind::layer) ++last;
    }
    const int64_t from = steps[i].begin, to = steps[last].end - 1;
    text += fmt::format("{} {} {}", i == 0 ? ":" : ",",
                        from == to ? fmt::format("{}", from) : fmt::format("{}-{}", from, to), text_of(steps[i].kind));
    text += reasons_text(steps.begin() + static_cast<int64_t>(i), steps.begin() + static_cast<int64_t>(last) + 1);
    i = last + 1;
  }
  return text;
}

Plan plan(const Modules& modules, int64_t begin, int64_t end, const PlanInput& input) {
  const auto count = static_cast<int64_t>(modules.size());
  if (begin < 0 || end < begin || end > count) {
    fail<ValueError>("plan: no modules [{}, {}), there are {}", begin, end, count);
  }
  Planner planner(modules, begin, end, input);
  Plan result{input, {}};
  for (int64_t at = begin; at < end; at = result.end()) {
    result.steps.push_back(planner.next(at));
    if (!planner.pass(result.steps.back())) break;
  }
  return result;
}

Rows run(const Step& step, const Modules& modules, const Rows& x) {
  const auto module = [&](int64_t i) -> Module& { return *modules[static_cast<size_t>(i)]; };
  switch (step.kind) {
    case StepKind::layer: break;
    case StepKind::small_stack: {
      std::vector<Variable> weights, biases;
      const auto add = [&](const auto& layer) {
        weights.push_back(layer.weight);
        biases.push_back(layer.bias);
      };
      for (int64_t i = step.begin; i < step.end; ++i) {
        const Spec spec = module(i).spec();
        if (const auto* conv = std::get_if<Conv2dSpec>(&spec)) add(*conv);
        if (const auto* linear = std::get_if<LinearSpec>(&spec)) add(*linear);
      }
      return x.with(small_stack(x.source(), step.layers, weights, biases, x.segments()));
    }
    case StepKind::feed_forward: {
      const auto up = std::get<LinearSpec>(module(step.begin).spec());
      const auto down = std::get<LinearSpec>(module(step.begin + 2).spec());
      // A plan does not depend on precisions, which can be set for each layer at any time.
      if (up.precision != down.precision) break;
      return x.with(feed_forward(x.source(), up.weight, up.bias, down.weight, down.bias, x.segments(), up.precision));
    }
    case StepKind::relu_after_pool: {
      const auto [kernel, stride] = std::get<MaxPool2dSpec>(module(step.begin + 1).spec()).window;
      return x.with(divvy::relu(max_pool2d(x.values(), kernel, stride)));
    }
  }
  Rows y = x;
  for (int64_t i = step.begin; i < step.end; ++i) y = module(i).forward(y);
  return y;
}

}  // namespace divvy::nn
