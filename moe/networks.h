#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "nn/sequential.h"
#include "tensor/generator.h"

namespace divvy::moe {

/// Convolution, optional batch norm, ReLU, optional 2x2 max-pool.
struct ConvBlock {
  int64_t channels = 1;
  int64_t kernel = 3;
  int64_t padding = 0;
  bool bias = true;
  bool batch_norm = false;
  bool pool = true;
};

/// A feed-forward network: convolution blocks, then fully connected layers of the given widths with a ReLU after each,
/// then the output layer.
struct NetworkPlan {
  std::vector<ConvBlock> blocks;
  std::vector<int64_t> hidden;
};

/// The expert and the gate that a published experiment used on samples of one shape.
struct NetworkPair {
  std::string_view name;
  std::string_view summary;
  Shape sample;  ///< [C, H, W] or [D]
  NetworkPlan expert;
  NetworkPlan gate;
};

/// All named networks, in the order in which they are listed to users.
const std::vector<NetworkPair>& networks();

/// A network by name. Throws ValueError with the known names.
const NetworkPair& find_network(std::string_view name);

struct NetworkOptions {
  Shape sample = {};     ///< shape of one sample, as in NetworkPair
  int64_t outputs = 1;   ///< classes of an expert, or experts of a gate
  int64_t experts = 0;   ///< 0: one plain network; E: E stacked experts
  bool softmax = false;  ///< ends with a softmax: experts give probabilities, gates give logits
  DType dtype = DType::f32;
};

/// Builds a plan. Throws ShapeError where a convolution or a pool does not fit the sample.
std::shared_ptr<nn::Sequential> build_network(const NetworkPlan& plan, const NetworkOptions& options,
                                              Generator& generator);

}  // namespace divvy::moe
