#pragma once

#include "moe/training/objective.h"

namespace divvy::moe {

/// Sums over the batches of an epoch, in device memory: adding a batch does not wait for the device, reading the sums
/// does.
class EpochSums {
 public:
  EpochSums(const Objective& objective, Device device);

  /// Sets the sums to zero, at the start of an epoch.
  void reset();
  /// Adds the terms of a batch, which are those of the objective; the loss is weighted by the number of samples.
  void add(const Terms& terms, int64_t samples);
  /// Counts the samples whose largest output is at their label.
  void add_right(const Tensor& output, const Tensor& labels);

  struct Sums {
    double loss = 0;                                           ///< sum over the samples
    std::vector<std::pair<std::string, double>> regularizers;  ///< sums over the batches, without weights
    int64_t right = 0;
  };
  Sums read() const;
  /// The loss of the last batch added.
  double last_loss() const { return terms_[1][0].item(); }

 private:
  std::vector<std::string> regularizers_;
  Tensor terms_;  ///< f64 [2, 1 + regularizers]: the sums and the last values
  Tensor right_;  ///< i64 []
};

}  // namespace divvy::moe
