#pragma once

#include <memory>
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

/// Evaluates as many of the modules [begin, end) as one operation (kernels/small_stack.h) as can be and pays: small
/// convolutions with ReLU and 2x2 max-pool, then small linear layers with ReLU, stacked or not. Returns where it
/// stopped, `begin` where there is nothing to be fused; then y is not touched.
int64_t forward_fused(const std::vector<std::shared_ptr<Module>>& modules, int64_t begin, int64_t end,
                      const Variable& x, const Segments& segments, Variable& y);

}  // namespace divvy::nn
