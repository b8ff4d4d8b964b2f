#pragma once

#include <memory>

#include "autograd/finite_watch.h"
#include "moe/model/model.h"
#include "moe/training/objective.h"
#include "moe/training/recipe.h"
#include "nn/optimizer.h"

namespace divvy::moe {

/// The optimizer of a stage for the parameters that it trains; freezes the others. Throws ValueError for an unknown
/// name, and for learning rates of experts without an ExpertList of as many experts.
std::unique_ptr<nn::Optimizer> make_optimizer(Model& model, const Stage& stage);

/// One optimizer step on a batch: forward, objective, backward, update. Returns the terms of the objective; the results
/// of the forward pass go to `forward`. With a `watch` of the model's device, which records what backward() would
/// throw, the step does not wait for the device.
Terms train_step(Model& model, const Stage& stage, nn::Optimizer& optimizer, const Variable& x,
                 const Supervision& supervision, Generator& generator, Forward* forward = nullptr,
                 FiniteWatch* watch = nullptr);

}  // namespace divvy::moe
