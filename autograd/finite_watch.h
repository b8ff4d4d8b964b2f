#pragma once

#include <span>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace divvy {

/// Detects NaNs and infinities without synchronizing with the device: the first one is recorded in device memory until
/// check() reads it.
///
///     FiniteWatch watch(device);
///     optimizer.stop_on(watch.failed());
///     backward(loss, watch);  // records what it would throw, and goes on
///     optimizer.step();       // changes nothing from the first failure on
///     watch.check();          // once in a while: throws what backward() would have thrown
class FiniteWatch {
 public:
  explicit FiniteWatch(Device device);
  FiniteWatch(const FiniteWatch&) = delete;
  FiniteWatch& operator=(const FiniteWatch&) = delete;

  Device device() const { return record_.device(); }
  /// i64 [1] on the device: the first run of backward(), counted from 1, that met a value that is not finite; 0 if none
  /// did.
  Tensor failed() const { return record_.slice(1, 2); }
  /// Throws the NonFiniteError of that run, whose step is the number of the run, if there is one. Waits for the device.
  void check() const;

  /// How the error describes a tensor.
  struct Subject {
    std::string what;              ///< "loss" or "gradient"
    std::string layer;             ///< see NonFiniteError
    std::string part_name = {};    ///< set for a parameter that stacks several parts (Variable::part_name)
    int64_t elements_of_part = 0;  ///< set for such a parameter, else 0
    bool operator==(const Subject&) const = default;
  };
  /// Checks tensors in their order. `new_run` is true for the first check of a run, which counts the run.
  void look(std::span<const Tensor> values, const std::vector<Subject>& subjects, bool new_run);

 private:
  Tensor record_;                               ///< see kernels/finite.h
  std::vector<std::vector<Subject>> subjects_;  ///< the distinct lists of subjects checked so far
};

/// backward() of a loss on the device of `watch`, which records a value that is not finite instead of throwing, and
/// counts the run. Throws DeviceError for a root on another device, and the other errors of backward().
void backward(const Variable& root, FiniteWatch& watch);

}  // namespace divvy
