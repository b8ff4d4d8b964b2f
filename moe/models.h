#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "moe/model.h"
#include "moe/networks.h"

namespace divvy::moe {

/// A model by name: a configuration of gate, routing, experts and combine.
struct ModelKind {
  std::string_view name;
  std::string_view summary;
  bool gated;
  RoutingOptions training;    ///< how samples are routed while the model learns; k is a default
  RoutingOptions evaluation;  ///< and when it is evaluated
};

/// All models, in the order in which they are listed to users.
const std::vector<ModelKind>& model_kinds();

/// A model by name. Throws ValueError with the known names.
const ModelKind& find_model(std::string_view name);

struct ModelOptions {
  std::string model = "mixture";
  std::string network = "mnist";
  int64_t experts = 10;
  int64_t k = 2;  ///< for top-k
  int64_t classes = 10;
  double temperature = 1;
  DType dtype = DType::f32;
};

/// The routing of a model for training or evaluation, with the k and temperature of the options. Throws ValueError for
/// an impossible combination (k > experts, several experts without a gate).
RoutingOptions routing_of(const ModelOptions& options, bool training);

/// Builds a model with fresh parameters: the gate's are drawn first, then the experts'.
std::shared_ptr<Model> build_model(const ModelOptions& options, Generator& generator);

}  // namespace divvy::moe
