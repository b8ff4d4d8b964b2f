#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "nn/sequential.h"
#include "tensor/generator.h"
#include "tensor/registry.h"

namespace divvy::moe {

/// Convolution, optional batch norm, ReLU, optional 2x2 max-pool, optional dropout.
struct ConvBlock {
  int64_t channels = 1;
  int64_t kernel = 3;
  int64_t padding = 0;
  bool bias = true;
  bool batch_norm = false;
  bool pool = true;
  double dropout = 0;  ///< probability with which an output is set to 0 in training; 0: no layer
};

/// Equal residual blocks, see nn::residual_block; the first of them changes the channels and has the stride.
struct ResidualGroup {
  int64_t channels = 16;
  int64_t blocks = 1;
  int64_t stride = 1;
};

/// A 3x3 convolution as stem, then groups of residual blocks, then one value for each channel or for each pixel. The
/// stem has its batch norm and ReLU behind it, except where the blocks are preactivated: then the last block has.
struct ResidualBody {
  int64_t stem = 16;
  std::vector<ResidualGroup> groups = {};
  bool preactivation = false;
  bool average = true;  ///< ends with the mean of each channel; else with all pixels
};

/// A feed-forward network: convolution blocks or a residual body (not both), which with what follows them is flattened
/// are its features; then fully connected layers of the given widths with a ReLU after each, then the output layer.
struct NetworkPlan {
  std::vector<ConvBlock> blocks = {};
  std::vector<int64_t> hidden = {};
  std::optional<ResidualBody> residual = {};
  bool output_bias = true;
};

/// The expert and the gate that a published experiment used on samples of one shape.
struct NetworkPair {
  std::string name;
  std::string summary;
  Shape sample;  ///< [C, H, W] or [D]
  NetworkPlan expert;
  NetworkPlan gate;
  bool gated = true;  ///< false: no gate goes with it, see require_gate()
};

/// All named networks, in the order in which they are listed to users: of those for one shape of samples the first is
/// the one that suits most. A program can add its own.
Registry<NetworkPair>& networks();

/// Throws ValueError where the pair has no gate, so that no gated model can be made of it, only a single network or one
/// whose experts choose by themselves; the message names the pair for such samples that comes nearest and has a gate.
void require_gate(const NetworkPair& pair);

struct NetworkOptions {
  Shape sample = {};     ///< shape of one sample, as in NetworkPair
  int64_t outputs = 1;   ///< classes of an expert, or experts of a gate; 0: no output layer
  int64_t experts = 0;   ///< 0: one plain network; E: E stacked experts
  bool softmax = false;  ///< ends with a softmax: experts give probabilities, gates give logits
  DType dtype = DType::f32;
};

/// Builds a plan: build_features() and build_classifier() in one. Without an output layer it ends with the last hidden
/// layer and has no ReLU behind it: the body of an attentive gate. Throws ShapeError where a convolution or a pool does
/// not fit the sample, and ValueError for no outputs where there is no hidden layer or where a softmax is asked for.
std::shared_ptr<nn::Sequential> build_network(const NetworkPlan& plan, const NetworkOptions& options,
                                              Generator& generator);

/// The part that reads samples: blocks or residual body, flattened: [R, ...] to [N, feature_count()]. Empty for samples
/// that are flat and a plan without blocks; it then only reads the rows. `outputs` and `softmax` are not read.
std::shared_ptr<nn::Sequential> build_features(const NetworkPlan& plan, const NetworkOptions& options,
                                               Generator& generator);

/// The fully connected part for rows of `features` features, which may be more than build_features() gives where a gate
/// reads something else beside them. `sample` is not read.
std::shared_ptr<nn::Sequential> build_classifier(const NetworkPlan& plan, int64_t features,
                                                 const NetworkOptions& options, Generator& generator);

/// How many features build_features() gives for such a sample. Throws ShapeError as build_network() does.
int64_t feature_count(const NetworkPlan& plan, const Shape& sample);

/// The width of the last hidden layer, 0 where there is none.
int64_t hidden_size(const NetworkPlan& plan);

}  // namespace divvy::moe
