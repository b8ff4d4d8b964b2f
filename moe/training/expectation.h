#pragma once

#include "datasets/dataset.h"
#include "moe/model/model.h"
#include "moe/training/recipe.h"

namespace divvy::moe {

/// The result of an E-step for the samples of a dataset, in their order.
struct Expectation {
  Tensor responsibilities;  ///< f32 or f64 [N, E], rows sum to 1; undefined for EStep::hard
  Tensor experts;           ///< i64 [N, 1], the most probable expert; undefined for EStep::soft

  /// Copies the entries of the samples `index` into the supervision of their batch.
  void fill(Supervision& supervision, const Tensor& index) const;
};

/// The E-step of EM (Jordan and Jacobs, 1994) over a dataset, with the model in evaluation mode: r[b, e] is
/// proportional to p[b, e] * likelihood of sample b under expert e. Every expert is evaluated. `stage` selects a soft
/// or hard step and may replace this product; the generator is passed to Stage::e_step_transform.
Expectation expectation_step(Model& model, const data::Dataset& dataset, const Stage& stage, int64_t batch,
                             Generator& generator);

}  // namespace divvy::moe
