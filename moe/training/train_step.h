#pragma once

#include <memory>

#include "autograd/finite_watch.h"
#include "moe/model/model.h"
#include "moe/training/objective.h"
#include "moe/training/recipe.h"
#include "nn/optimizer.h"

namespace divvy::moe {

/// The optimizer of a stage, over the parameters that learn in it; the others are frozen from now on. Throws ValueError
/// for an unknown name, and for learning rates of experts that are no ExpertList of that many.
std::unique_ptr<nn::Optimizer> make_optimizer(Model& model, const Stage& stage);

/// One optimizer step on a batch: forward, objective, backward, update. Returns the terms of the objective; the output
/// of the pass goes to `forward`. With a `watch` of the model's device, which keeps what backward() would throw,
/// nothing is waited for.
Terms train_step(Model& model, const Stage& stage, nn::Optimizer& optimizer, const Variable& x,
                 const Supervision& supervision, Generator& generator, Forward* forward = nullptr,
                 FiniteWatch* watch = nullptr);

}  // namespace divvy::moe
