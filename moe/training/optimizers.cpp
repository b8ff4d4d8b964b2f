#include "moe/training/optimizers.h"

#include "nn/adam.h"
#include "nn/rmsprop.h"
#include "nn/sgd.h"

namespace divvy::moe {

namespace {

using Groups = std::vector<nn::ParameterGroup>;
using Options = OptimizerOptions;

}  // namespace

Registry<OptimizerKind>& optimizers() {
  static Registry<OptimizerKind> all(
      "optimizer",
      {{.name = "adamw",
        .summary = "Adam with decoupled weight decay (Loshchilov and Hutter 2019)",
        .make =
            [](Groups groups, const Options& o) {
              return std::make_unique<nn::AdamW>(
                  std::move(groups), nn::AdamWOptions{.lr = o.learning_rate, .weight_decay = o.weight_decay});
            }},
       {.name = "adam",
        .summary = "Adam, with weight decay as part of the gradient (Kingma and Ba 2015)",
        .make =
            [](Groups groups, const Options& o) {
              return std::make_unique<nn::Adam>(std::move(groups),
                                                nn::AdamOptions{.lr = o.learning_rate, .weight_decay = o.weight_decay});
            }},
       {.name = "rmsprop",
        .summary = "gradients divided by the root of their mean square (Tieleman and Hinton 2012)",
        .momentum = true,
        .make =
            [](Groups groups, const Options& o) {
              return std::make_unique<nn::RMSprop>(
                  std::move(groups),
                  nn::RMSpropOptions{.lr = o.learning_rate, .weight_decay = o.weight_decay, .momentum = o.momentum});
            }},
       {.name = "sgd",
        .summary = "gradient descent with momentum",
        .momentum = true,
        .make = [](Groups groups, const Options& o) {
          return std::make_unique<nn::SGD>(
              std::move(groups),
              nn::SGDOptions{.lr = o.learning_rate, .momentum = o.momentum, .weight_decay = o.weight_decay});
        }}});
  return all;
}

}  // namespace divvy::moe
