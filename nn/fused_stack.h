#pragma once

#include <memory>
#include <set>
#include <vector>

#include "nn/module.h"

namespace divvy::nn {

/// While one lives, networks that are evaluated on this thread run layer by layer: the reference of the fused
/// evaluation below, whose values differ by rounding.
class LayerByLayer {
 public:
  LayerByLayer();
  ~LayerByLayer();
  LayerByLayer(const LayerByLayer&) = delete;
  LayerByLayer& operator=(const LayerByLayer&) = delete;
  static bool active();

 private:
  bool before_;
};

/// Collects the modules that networks on this thread evaluate as parts of one operation, while it lives. Watches may
/// nest; each sees all that runs within it.
class FusionWatch {
 public:
  FusionWatch();
  ~FusionWatch();
  FusionWatch(const FusionWatch&) = delete;
  FusionWatch& operator=(const FusionWatch&) = delete;
  const std::set<const Module*>& modules() const { return modules_; }

 private:
  friend int64_t forward_fused(const std::vector<std::shared_ptr<Module>>&, int64_t, int64_t, const Rows&, Variable&);
  std::set<const Module*> modules_;
  FusionWatch* outer_;
};

/// Evaluates as many of the modules [begin, end) as one operation as can be and pays: small convolutions with ReLU and
/// 2x2 max-pool, then small linear layers with ReLU, stacked or not (kernels/small_stack.h); two linear layers of many
/// experts with ReLU between them (kernels/feed_forward.h). ReLU and a max-pool behind it change places, which no watch
/// is told. Returns where it stopped, `begin` where there is nothing to be fused; then y is not touched.
int64_t forward_fused(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end, const Rows& x,
                      Variable& y);

}  // namespace divvy::nn
