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
  double dropout = 0;  ///< dropout probability; 0: no dropout layer
};

/// Residual blocks of equal shape, see nn::residual_block; the first one changes the channels and has the stride.
struct ResidualGroup {
  int64_t channels = 16;
  int64_t blocks = 1;
  int64_t stride = 1;
};

/// A 3x3 convolution as stem, then groups of residual blocks. Batch norm and ReLU follow the stem or, with
/// preactivation, the last block.
struct ResidualBody {
  int64_t stem = 16;
  std::vector<ResidualGroup> groups = {};
  bool preactivation = false;
  bool average = true;  ///< ends with the mean of each channel; otherwise with all pixels
};

/// A feed-forward network: convolution blocks or a residual body (not both), whose flattened output are the features;
/// then fully connected layers of the given widths, each followed by a ReLU; then the output layer.
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
  bool gated = true;  ///< false if the pair has no gate, see require_gate()
};

/// All named networks, in the order in which they are listed to users: the first one for a shape of samples is the most
/// generally suitable. A program can add its own.
Registry<NetworkPair>& networks();

/// Throws ValueError if the pair has no gate, so that it can be used only for a single network or a model without a
/// gate; the message names the most similar pair with a gate for such samples.
void require_gate(const NetworkPair& pair);

struct NetworkOptions {
  Shape sample = {};     ///< shape of one sample, as in NetworkPair
  int64_t outputs = 1;   ///< classes of an expert, or experts of a gate; 0: no output layer
  int64_t experts = 0;   ///< 0: one plain network; E: E stacked experts
  bool softmax = false;  ///< adds a softmax at the end, for experts whose output is probabilities
  DType dtype = DType::f32;
};

/// Builds a plan: build_features() and build_classifier() in one Sequential. Without an output layer it ends with the
/// last hidden layer before its ReLU, as the body of an attentive gate needs. Throws ShapeError if a convolution or a
/// pool does not fit the sample, and ValueError for 0 outputs with no hidden layer or with a softmax.
std::shared_ptr<nn::Sequential> build_network(const NetworkPlan& plan, const NetworkOptions& options,
                                              Generator& generator);

/// Builds the part that reads samples, blocks or residual body, and flattens its output: [R, ...] to [N,
/// feature_count()]. It has no layers for flat samples and a plan without blocks. `outputs` and `softmax` are not read.
std::shared_ptr<nn::Sequential> build_features(const NetworkPlan& plan, const NetworkOptions& options,
                                               Generator& generator);

/// Builds the fully connected part for rows of `features` features, which may be more than those of build_features() if
/// a gate reads other inputs as well. `sample` is not read.
std::shared_ptr<nn::Sequential> build_classifier(const NetworkPlan& plan, int64_t features,
                                                 const NetworkOptions& options, Generator& generator);

/// The number of features of build_features() for a sample of this shape. Throws ShapeError as build_network() does.
int64_t feature_count(const NetworkPlan& plan, const Shape& sample);

/// The width of the last hidden layer, or 0 if there is none.
int64_t hidden_size(const NetworkPlan& plan);

}  // namespace divvy::moe
