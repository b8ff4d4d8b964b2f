#include "moe/model/networks.h"
#include "tensor/error.h"

/// The networks by name. Their shapes are those of the reference experiments, inferred from the published numbers of
/// parameters; where a publication leaves a choice open, a comment states the one made here.
namespace divvy::moe {

namespace {

const Shape kDigit{1, 28, 28}, kPhotograph{3, 32, 32}, kPoint{2};

/// Four 3x3 convolutions, each followed by a pool; the second and the fourth have batch norm and therefore no bias.
std::vector<ConvBlock> four_blocks(int64_t a, int64_t b, int64_t c, int64_t d) {
  return {{.channels = a, .padding = 1},
          {.channels = b, .padding = 1, .bias = false, .batch_norm = true},
          {.channels = c, .padding = 1},
          {.channels = d, .padding = 1, .bias = false, .batch_norm = true}};
}

/// Two 3x3 convolutions without bias, followed by one pool. That there is neither a bias nor batch norm follows from
/// the 2,173,322 parameters.
std::vector<ConvBlock> two_blocks() {
  return {{.channels = 64, .padding = 1, .bias = false, .pool = false}, {.channels = 128, .padding = 1, .bias = false}};
}

/// Three pairs of 3x3 convolutions of 16, 32 and 64 channels, each pair followed by a pool and dropout. The publication
/// states only the six convolutions and the dropout of 0.2; the rest follows four_blocks().
std::vector<ConvBlock> six_blocks() {
  std::vector<ConvBlock> blocks;
  for (const int64_t channels : {16, 32, 64}) {
    blocks.push_back({.channels = channels, .padding = 1, .pool = false});
    blocks.push_back({.channels = channels, .padding = 1, .bias = false, .batch_norm = true, .dropout = 0.2});
  }
  return blocks;
}

/// One block each of 16, 32 and 64 channels, without pooling of the final 64 x 16 x 16 pixels. The published network
/// used one batch norm for all convolutions of a width, which mixes the statistics of layers; here each has its own.
ResidualBody three_residual_blocks() {
  return {.stem = 16, .groups = {{16, 1, 1}, {32, 1, 2}, {64, 1, 1}}, .average = false};
}

NetworkPlan photograph_gate() { return {four_blocks(64, 128, 256, 256), {512, 32}}; }

std::vector<NetworkPair> digit_networks() {
  return {
      {"mnist", "1x28x28; expert conv 1, 5-32; gate conv 1, 128-32", kDigit, {{{}}, {5, 32}}, {{{}}, {128, 32}}},
      {"mnist-small", "1x28x28; expert conv 1, 5-10; gate conv 1, 128-64", kDigit, {{{}}, {5, 10}}, {{{}}, {128, 64}}},
      {"fashion-mnist",
       "1x28x28; expert conv 1, 64-32; gate conv 8 with batch norm, 512-32",
       kDigit,
       {{{}}, {64, 32}},
       {{{.channels = 8, .batch_norm = true}}, {512, 32}}},
      {"fashion-mnist-and-mnist",
       "1x28x28; expert conv 1, 5-32; gate conv 1 k5, 128-32",
       kDigit,
       {{{}}, {5, 32}},
       {{{.kernel = 5}}, {128, 32}}},
      {"fashion-mnist-and-mnist-small",
       "1x28x28; expert conv 1, 5-10; gate conv 1 k5, 128-64",
       kDigit,
       {{{}}, {5, 10}},
       {{{.kernel = 5}}, {128, 64}}},
      {"conv-28x28",
       "1x28x28; expert conv 6 k5, 60-120; gate conv 6-12 k5, 120-60",
       kDigit,
       {{{.channels = 6, .kernel = 5}}, {60, 120}},
       {{{.channels = 6, .kernel = 5}, {.channels = 12, .kernel = 5}}, {120, 60}}},
  };
}

std::vector<NetworkPair> photograph_networks() {
  return {
      {"cifar10",
       "3x32x32; expert conv 4-8-16-16, 64-32; gate conv 64-128-256-256, 512-32",
       kPhotograph,
       {four_blocks(4, 8, 16, 16), {64, 32}},
       photograph_gate()},
      {"cifar10-conv2",
       "3x32x32; expert and gate conv 64-128, 64",
       kPhotograph,
       {two_blocks(), {64}},
       {two_blocks(), {64}}},
      {"cifar10-conv6",
       "3x32x32; expert conv 16-16-32-32-64-64 with dropout, 64-32; gate of cifar10",
       kPhotograph,
       {six_blocks(), {64, 32}},
       photograph_gate()},
      {"cifar10-residual",
       "3x32x32; expert residual 16-32-64, 64-32; gate of cifar10",
       kPhotograph,
       {.hidden = {64, 32}, .residual = three_residual_blocks()},
       photograph_gate()},
      {"cifar100",
       "3x32x32; expert conv 16-32-64-128, 1024-256; gate conv 64-128-256-512, 1024-256",
       kPhotograph,
       {four_blocks(16, 32, 64, 128), {1024, 256}},
       {four_blocks(64, 128, 256, 512), {1024, 256}}},
      {"cifar100-128",
       "3x32x32; expert conv 8-16-32-64, 128-64; gate conv 64-128-256-512, 512-64",
       kPhotograph,
       {four_blocks(8, 16, 32, 64), {128, 64}},
       {four_blocks(64, 128, 256, 512), {512, 64}}},
      {"cifar100-classification",
       "3x32x32; expert conv 16-32-64-128, 512-128; gate conv 64-128-256-512, 512-128",
       kPhotograph,
       {four_blocks(16, 32, 64, 128), {512, 128}},
       {four_blocks(64, 128, 256, 512), {512, 128}}},
      // As an expert it was combined with the gate of the other experiments on CIFAR-10.
      {"resnet-18",
       "3x32x32; residual 64-128-256-512, two blocks each; gate of cifar10",
       kPhotograph,
       {.residual = ResidualBody{.stem = 64, .groups = {{64, 2, 1}, {128, 2, 2}, {256, 2, 2}, {512, 2, 2}}}},
       photograph_gate()},
      // It was trained alone, and distances between its outputs served as distances between photographs.
      {"wideresnet-40-4",
       "3x32x32; residual 64-128-256, six blocks each, activation first; no gate",
       kPhotograph,
       {.residual = ResidualBody{.groups = {{64, 6, 1}, {128, 6, 2}, {256, 6, 2}}, .preactivation = true}},
       {},
       false},
  };
}

std::vector<NetworkPair> point_networks() {
  return {
      {"linear-2d", "2 features; expert linear; gate linear", kPoint, {}, {}},
      {"shallow-2d", "2 features; expert 4; gate linear", kPoint, {{}, {4}}, {}},
      {"deep-2d", "2 features; expert 32-16-4; gate 32-16", kPoint, {{}, {32, 16, 4}}, {{}, {32, 16}}},
      // The 18 published parameters with two experts include two biases of each expert that stay 0; here experts have
      // no bias, which gives 14.
      {"barber", "2 features; expert linear without bias; gate linear", kPoint, {.output_bias = false}, {}},
      // Not from a publication: the smallest pair for points with which an attentive gate is possible.
      {"hidden-2d", "2 features; expert 16; gate 16", kPoint, {{}, {16}}, {{}, {16}}},
  };
}

/// Networks for curves and for the tables of the catalog; not from a publication.
std::vector<NetworkPair> table_networks() {
  const NetworkPlan small{{}, {16}}, large{{}, {32, 16}};
  return {
      {"sin-data", "1 feature; expert 16; gate 16", Shape{1}, small, small},
      {"iris", "4 features; expert 16; gate 16", Shape{4}, small, small},
      {"car-evaluation", "21 features; expert 32-16; gate 32-16", Shape{21}, large, large},
      {"breast-cancer", "30 features; expert 32-16; gate 32-16", Shape{30}, large, large},
  };
}

}  // namespace

Registry<NetworkPair>& networks() {
  static Registry<NetworkPair> all("network", [] {
    std::vector<NetworkPair> joined;
    for (const auto& part : {digit_networks(), photograph_networks(), point_networks(), table_networks()}) {
      joined.insert(joined.end(), part.begin(), part.end());
    }
    return joined;
  }());
  return all;
}

void require_gate(const NetworkPair& pair) {
  if (pair.gated) return;
  const NetworkPair* nearest = nullptr;
  for (const NetworkPair& other : networks()) {
    if (!other.gated || other.sample != pair.sample) continue;
    const bool alike = other.expert.residual.has_value() == pair.expert.residual.has_value() &&
                       other.expert.hidden.empty() == pair.expert.hidden.empty();
    if (nearest == nullptr || alike) nearest = &other;
    if (alike) break;
  }
  fail<ValueError>("network '{}' has no gate, which this model needs{}", pair.name,
                   nearest == nullptr ? "" : fmt::format("; '{}' has one", nearest->name));
}

}  // namespace divvy::moe
