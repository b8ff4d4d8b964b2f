#pragma once

#include "nn/module.h"
#include "tensor/generator.h"

namespace divvy::nn {

/// In training, sets each element to zero with probability p and divides the others by 1 - p; in evaluation returns x
/// unchanged.
///
/// It draws from its own generator, split from the given one. The state of that generator (seed, stream and offset, as
/// an i64 buffer "generator") is in the state dictionary, so that a resumed run drops the same elements as an
/// uninterrupted one.
class Dropout : public Rowwise {
 public:
  /// Throws ValueError unless 0 <= p < 1.
  Dropout(double p, Generator& generator);

  Spec spec() const final { return SameShapeSpec{}; }
  std::string describe() const override;
  void reset(Generator& generator) override;
  std::string_view draws() const override { return p_ > 0 ? "dropout" : std::string_view(); }

  double p() const { return p_; }

 protected:
  Variable apply(const Variable& x) final;

 private:
  double p_;
  Variable state_;
};

}  // namespace divvy::nn
