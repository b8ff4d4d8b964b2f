#pragma once

#include <memory>
#include <string>
#include <vector>

#include "kernels/small_stack.h"
#include "nn/module.h"

namespace divvy::nn {

/// How modules that follow each other are evaluated together.
enum class StepKind {
  layer,            ///< one module by itself, by its forward()
  small_stack,      ///< as one operation, kernels/small_stack.h
  feed_forward,     ///< as one operation, kernels/feed_forward.h, if both layers have the same precision
  relu_after_pool,  ///< a ReLU and the max-pool behind it the other way round: the same values from fewer pixels
};

/// The modules [begin, end).
struct Step {
  StepKind kind = StepKind::layer;
  int64_t begin = 0, end = 0;
  std::vector<SmallLayer> layers = {};  ///< of a small stack
  /// Why a layer that might have been part of a fused step is by itself, in a few words: "17 channels of at most 8".
  /// Empty for all others. Steps that differ in it alone are equal.
  std::string reason = {};

  bool operator==(const Step& other) const {
    return kind == other.kind && begin == other.begin && end == other.end && layers == other.layers;
  }
};

/// What a plan is made for.
struct PlanInput {
  Shape shape;  ///< of the values of the rows, [N, ...]
  DType dtype = DType::f32;
  Device device = {};
  bool fused = true;  ///< false: every module by itself, which the values of a fused step differ from by rounding
  bool operator==(const PlanInput&) const = default;
};

/// How modules are evaluated, one step after the other.
struct Plan {
  PlanInput input;
  std::vector<Step> steps;
  bool operator==(const Plan&) const = default;

  /// Behind the last module.
  int64_t end() const { return steps.empty() ? 0 : steps.back().end; }
  /// Whether any modules are evaluated together.
  bool fuses() const;
  /// Whether any are, or might have been.
  bool has_candidates() const;
  /// One line for people: "512 rows of [1, 28, 28]: 0-7 small stack, 8 layer by layer". Reasons follow in parentheses,
  /// with the modules that they are of where there are several: "0-4 layer by layer (0, 2: 3 rows of at least 32; 4:
  /// says nothing of itself)".
  std::string to_string() const;
};

/// Plans the evaluation of the modules [begin, end) on `input`, which is that of the first one. What computes several
/// layers at once is taken where its backend says that it pays: small convolutions with ReLU and 2x2 max-pool, then
/// small linear layers with ReLU, stacked or not (small_stack_pays); two linear layers of experts with ReLU between
/// them (feed_forward_gain).
///
/// The plan ends early behind a module that says nothing of what it gives; what follows is planned for that. Throws
/// ValueError for a range that is not there and ShapeError where layers do not fit each other.
Plan plan(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end, const PlanInput& input);

/// Evaluates one step of a plan of these modules.
Rows run(const Step& step, const std::vector<std::shared_ptr<Module>>& modules, const Rows& x);

}  // namespace divvy::nn
