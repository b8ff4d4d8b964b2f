#pragma once

#include "datasets/dataset.h"
#include "moe/model/model.h"
#include "moe/training/recipe.h"

namespace divvy::moe {

/// What an E-step found for the samples of a dataset, in their order.
struct Expectation {
  Tensor responsibilities;  ///< f32 or f64 [N, E], rows sum to 1; undefined for EStep::hard
  Tensor experts;           ///< i64 [N, 1], the expert that answers; undefined for EStep::soft

  /// The part of a batch with these samples, put into its supervision.
  void fill(Supervision& supervision, const Tensor& index) const;
};

/// The E-step of EM (Jordan and Jacobs, 1994) over a dataset, with the model in evaluation mode: r[b, e] in proportion
/// to p[b, e] * likelihood of sample b under expert e. Every expert is evaluated. `stage` says which kind of step, and
/// what it compares; the generator is for Stage::e_step_transform.
Expectation expectation_step(Model& model, const data::Dataset& dataset, const Stage& stage, int64_t batch,
                             Generator& generator);

}  // namespace divvy::moe
