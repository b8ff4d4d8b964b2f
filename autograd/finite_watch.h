#pragma once

#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace divvy {

/// Looks for NaNs and infinities without waiting for the device: what is found stays in its memory until check() asks.
///
///     FiniteWatch watch(device);
///     optimizer.stop_on(watch.failed());
///     backward(loss, watch);  // notes what it would throw, and goes on
///     optimizer.step();       // changes nothing from the first failure on
///     watch.check();          // now and then: the error that backward() would have thrown
class FiniteWatch {
 public:
  explicit FiniteWatch(Device device);
  FiniteWatch(const FiniteWatch&) = delete;
  FiniteWatch& operator=(const FiniteWatch&) = delete;

  Device device() const { return record_.device(); }
  /// i64 [1] on the device: 0, or the run of backward(), counted from 1, in which something was not finite first.
  Tensor failed() const { return record_.slice(1, 2); }
  /// Throws that NonFiniteError, its step being the run. Waits for the device.
  void check() const;

  /// What a tensor is, for the error.
  struct Subject {
    std::string what;              ///< "loss" or "gradient"
    std::string layer;             ///< see NonFiniteError
    std::string part_name = {};    ///< of a parameter that stacks several parts (Variable::part_name)
    int64_t elements_of_part = 0;  ///< likewise, else 0
    bool operator==(const Subject&) const = default;
  };
  /// Looks at tensors in their order. The first look of a run counts it.
  void look(std::span<const Tensor> values, const std::vector<Subject>& subjects, bool new_run);

 private:
  Tensor record_;                               ///< see kernels/finite.h
  std::vector<std::vector<Subject>> subjects_;  ///< of the looks so far, each kind once
};

/// backward() of a loss on the device of `watch`, which notes a value that is not finite in place of the error, and
/// counts a run. Throws DeviceError for a root on another device, and otherwise as backward().
void backward(const Variable& root, FiniteWatch& watch);

}  // namespace divvy
