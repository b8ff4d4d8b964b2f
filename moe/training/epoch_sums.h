#pragma once

#include "moe/training/objective.h"

namespace divvy::moe {

/// What the batches of an epoch add up to, in the memory of the device that computes them: adding does not wait for it,
/// reading does.
class EpochSums {
 public:
  EpochSums(const Objective& objective, Device device);

  /// Begins an epoch.
  void reset();
  /// The terms of a batch, which are those of the objective; its loss counts for each of its samples.
  void add(const Terms& terms, int64_t samples);
  /// Counts the samples whose largest output is at their label.
  void add_right(const Tensor& output, const Tensor& labels);

  struct Sums {
    double loss = 0;                                           ///< over the samples
    std::vector<std::pair<std::string, double>> regularizers;  ///< over the batches, not weighted
    int64_t right = 0;
  };
  Sums read() const;
  /// The loss of the batch that was added last.
  double last_loss() const { return terms_[1][0].item(); }

 private:
  std::vector<std::string> regularizers_;
  Tensor terms_;  ///< f64 [2, 1 + regularizers]: sums and the last values
  Tensor right_;  ///< i64 []
};

}  // namespace divvy::moe
