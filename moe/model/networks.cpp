#include "moe/model/networks.h"

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/dropout.h"
#include "nn/flatten.h"
#include "nn/linear.h"
#include "nn/pool.h"
#include "nn/residual.h"
#include "nn/softmax.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

struct Image {
  int64_t channels, height, width;
};

Image image_of(const Shape& sample) {
  if (sample.rank() != 3) fail<ShapeError>("a network with convolutions needs samples [C, H, W], got {}", sample);
  return {sample[0], sample[1], sample[2]};
}

/// The size of an image after a block.
Image after(const ConvBlock& block, Image image, const Shape& sample) {
  const int64_t shrink = block.kernel - 1 - 2 * block.padding;
  image = {block.channels, image.height - shrink, image.width - shrink};
  if (image.height < 1 || image.width < 1) {
    fail<ShapeError>("a sample {} is too small for this network: a {}x{} convolution leaves nothing", sample,
                     block.kernel, block.kernel);
  }
  if (block.pool) {
    image.height /= 2, image.width /= 2;
    if (image.height < 1 || image.width < 1) {
      fail<ShapeError>("a sample {} is too small for this network: a 2x2 pool leaves nothing", sample);
    }
  }
  return image;
}

Image after(const ResidualBody& body, Image image, const Shape& sample) {
  if (image.height < 1 || image.width < 1) fail<ShapeError>("a sample {} has no pixels for this network", sample);
  image.channels = body.stem;
  for (const ResidualGroup& group : body.groups) {
    if (group.blocks < 1 || group.stride < 1) {
      fail<ValueError>("a group of {} residual blocks with stride {} is impossible: both must be at least 1",
                       group.blocks, group.stride);
    }
    image = {group.channels, (image.height - 1) / group.stride + 1, (image.width - 1) / group.stride + 1};
  }
  return body.average ? Image{image.channels, 1, 1} : image;
}

/// Appends layers to a network, all for the same number of experts and in one type.
class Builder {
 public:
  Builder(nn::Sequential& network, const NetworkOptions& options, Generator& generator)
      : network_(network), options_(options), generator_(generator) {}

  void features(const NetworkPlan& plan) {
    feature_count(plan, options_.sample);  // throws if the sample is too small
    int64_t channels = options_.sample.rank() == 0 ? 1 : options_.sample[0];
    for (const ConvBlock& block : plan.blocks) {
      convolution(block, channels);
      channels = block.channels;
    }
    if (plan.residual) residual(*plan.residual, channels);
    const bool flat = plan.residual ? plan.residual->average : plan.blocks.empty() && options_.sample.rank() <= 1;
    if (!flat) network_.add<nn::Flatten>();
  }

  void classifier(const NetworkPlan& plan, int64_t features) {
    const bool headless = options_.outputs == 0;
    if (headless && plan.hidden.empty()) {
      fail<ValueError>("a network without an output layer ends with its last hidden layer; this one has none");
    }
    if (headless && options_.softmax) fail<ValueError>("a network without an output layer cannot end with a softmax");
    for (size_t i = 0; i < plan.hidden.size(); ++i) {
      linear(features, plan.hidden[i], true);
      features = plan.hidden[i];
      if (!headless || i + 1 < plan.hidden.size()) network_.add<nn::ReLU>();
    }
    if (headless) return;
    linear(features, options_.outputs, plan.output_bias);
    if (options_.softmax) network_.add<nn::Softmax>();
  }

 private:
  void convolution(const ConvBlock& block, int64_t channels) {
    network_.add<nn::Conv2d>(nn::Conv2dOptions{.in = channels,
                                               .out = block.channels,
                                               .kernel = block.kernel,
                                               .padding = block.padding,
                                               .bias = block.bias,
                                               .experts = options_.experts,
                                               .dtype = options_.dtype},
                             generator_);
    if (block.batch_norm) batch_norm(block.channels);
    network_.add<nn::ReLU>();
    if (block.pool) network_.add<nn::MaxPool2d>(2);
    if (block.dropout != 0) network_.add<nn::Dropout>(block.dropout, generator_);
  }

  void residual(const ResidualBody& body, int64_t channels) {
    network_.add<nn::Conv2d>(nn::Conv2dOptions{.in = channels,
                                               .out = body.stem,
                                               .kernel = 3,
                                               .padding = 1,
                                               .bias = false,
                                               .experts = options_.experts,
                                               .dtype = options_.dtype},
                             generator_);
    channels = body.stem;
    if (!body.preactivation) activation(channels);
    for (const ResidualGroup& group : body.groups) {
      for (int64_t i = 0; i < group.blocks; ++i) {
        network_.push_back(nn::residual_block({.in = channels,
                                               .out = group.channels,
                                               .stride = i == 0 ? group.stride : 1,
                                               .preactivation = body.preactivation,
                                               .experts = options_.experts,
                                               .dtype = options_.dtype},
                                              generator_));
        channels = group.channels;
      }
    }
    if (body.preactivation) activation(channels);
    if (body.average) network_.add<nn::GlobalAvgPool2d>();
  }

  void activation(int64_t channels) {
    batch_norm(channels);
    network_.add<nn::ReLU>();
  }

  void batch_norm(int64_t channels) {
    network_.add<nn::BatchNorm2d>(
        nn::BatchNorm2dOptions{.channels = channels, .experts = options_.experts, .dtype = options_.dtype});
  }

  void linear(int64_t in, int64_t out, bool bias) {
    network_.add<nn::Linear>(
        nn::LinearOptions{.in = in, .out = out, .bias = bias, .experts = options_.experts, .dtype = options_.dtype},
        generator_);
  }

  nn::Sequential& network_;
  const NetworkOptions& options_;
  Generator& generator_;
};

}  // namespace

int64_t feature_count(const NetworkPlan& plan, const Shape& sample) {
  if (plan.blocks.empty() && !plan.residual) return sample.numel();
  if (!plan.blocks.empty() && plan.residual) {
    fail<ValueError>("a network has convolution blocks or a residual body; this one has both");
  }
  Image image = image_of(sample);
  for (const ConvBlock& block : plan.blocks) image = after(block, image, sample);
  if (plan.residual) image = after(*plan.residual, image, sample);
  return image.channels * image.height * image.width;
}

int64_t hidden_size(const NetworkPlan& plan) { return plan.hidden.empty() ? 0 : plan.hidden.back(); }

std::shared_ptr<nn::Sequential> build_network(const NetworkPlan& plan, const NetworkOptions& options,
                                              Generator& generator) {
  auto network = std::make_shared<nn::Sequential>();
  Builder builder(*network, options, generator);
  builder.features(plan);
  builder.classifier(plan, feature_count(plan, options.sample));
  return network;
}

std::shared_ptr<nn::Sequential> build_features(const NetworkPlan& plan, const NetworkOptions& options,
                                               Generator& generator) {
  auto network = std::make_shared<nn::Sequential>();
  Builder(*network, options, generator).features(plan);
  return network;
}

std::shared_ptr<nn::Sequential> build_classifier(const NetworkPlan& plan, int64_t features,
                                                 const NetworkOptions& options, Generator& generator) {
  auto network = std::make_shared<nn::Sequential>();
  Builder(*network, options, generator).classifier(plan, features);
  return network;
}

}  // namespace divvy::moe
