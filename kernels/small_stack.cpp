#include "kernels/small_stack.h"

#include <algorithm>

#include "kernels/check.h"
#include "kernels/row_gradient.h"
#include "kernels/small_layer_sizes.h"

namespace divvy::kernels {

namespace {

constexpr const char* kName = "small_stack";

/// The shapes of the samples that each layer reads, and of the result; throws where a layer does not fit.
std::vector<Shape> shapes_of(const Shape& x, const std::vector<SmallLayer>& layers) {
  if (layers.empty()) fail<ValueError>("{}: no layers were given", kName);
  if (layers.size() > kMostSmallLayers) {
    fail<ValueError>("{}: at most {} layers are allowed, got {}", kName, kMostSmallLayers, layers.size());
  }
  if (x.rank() < 1) fail<ShapeError>("{}: input must be [rows, ...], got {}", kName, x);
  std::vector<Shape> shapes{x.range(1)};
  for (size_t l = 0; l < layers.size(); ++l) {
    const SmallLayer& layer = layers[l];
    const auto next = small_layer_shape(shapes.back(), layer);
    const bool flat = l == 0 && layer.kernel == 0 && (x.rank() != 2 || x[1] < 1);
    if (!next || flat) {
      fail<ShapeError>("{}: layer {} ({}) does not fit samples of shape {}", kName, l,
                       layer.kernel == 0 ? fmt::format("{} features", layer.out)
                                         : fmt::format("{} filters of {}x{}, padding {}{}", layer.out, layer.kernel,
                                                       layer.kernel, layer.padding, layer.pool ? ", pooled" : ""),
                       shapes.back());
    }
    shapes.push_back(*next);
  }
  return shapes;
}

void check_parameters(const char* op, const SmallStackParameters& parameters, const std::vector<SmallLayer>& layers,
                      const std::vector<Shape>& shapes, int64_t experts, const Tensor& like, bool optional) {
  if (parameters.weights.size() != layers.size() || parameters.biases.size() != layers.size()) {
    fail<ValueError>("{}: {} layers need as many weights and biases, got {} and {}", op, layers.size(),
                     parameters.weights.size(), parameters.biases.size());
  }
  for (size_t l = 0; l < layers.size(); ++l) {
    const Tensor &weight = parameters.weights[l], &bias = parameters.biases[l];
    const auto require = [&](const char* what, const Tensor& parameter, const Shape& shape) {
      // The name is made only for the message.
      if (!parameter.defined() || parameter.shape() != shape) {
        check::shape(op, fmt::format("the {} of layer {}", what, l), parameter, shape);
      }
      check::same_kind(op, what, parameter, like);
    };
    if (weight.defined() || !optional)
      require("weight", weight, SmallLayerSizes(shapes[l], layers[l]).weight_shape(experts));
    if (bias.defined()) require("bias", bias, {experts, layers[l].out});
  }
}

int64_t experts_of(const char* op, const SmallStackParameters& parameters) {
  if (parameters.weights.empty()) fail<ValueError>("{}: no weights were given", op);
  check::min_rank(op, "the weight of layer 0", parameters.weights[0], 1);
  return parameters.weights[0].size(0);
}

Shape output_shape(const std::vector<Shape>& shapes, int64_t rows) { return Shape{rows}.concat(shapes.back()); }

/// Why small_stack cannot evaluate these layers; empty where it can.
std::string misfit(const Shape& sample, const std::vector<SmallLayer>& layers) {
  if (layers.empty()) return "no layers";
  if (layers.size() > kMostSmallLayers) return fmt::format("{} layers of at most {}", layers.size(), kMostSmallLayers);
  if (layers[0].kernel == 0 && (sample.rank() != 1 || sample.numel() == 0)) return "samples that are no features";
  Shape shape = sample;
  for (const SmallLayer& layer : layers) {
    const auto next = small_layer_shape(shape, layer);
    if (!next) {
      const bool odd = layer.kernel > 0 && layer.kernel != 3 && layer.kernel != 5;
      return odd ? fmt::format("filters of {0}x{0} rather than 3x3 or 5x5", layer.kernel) : "sizes that do not fit";
    }
    shape = *next;
  }
  return "";
}

}  // namespace

std::optional<Shape> small_layer_shape(const Shape& sample, const SmallLayer& layer) {
  if (layer.out < 1) return std::nullopt;
  if (layer.kernel == 0) {
    if (layer.pool || layer.padding != 0) return std::nullopt;
    return Shape{layer.out};
  }
  if (sample.rank() != 3 || (layer.kernel != 3 && layer.kernel != 5)) return std::nullopt;
  if (layer.padding < 0 || layer.padding >= layer.kernel || sample.numel() == 0) return std::nullopt;
  const SmallLayerSizes sizes(sample, layer);
  if (sizes.out_rows < 1 || sizes.out_cols < 1) return std::nullopt;
  return sizes.result();
}

bool small_stack_fits(const Shape& sample, const std::vector<SmallLayer>& layers) {
  return misfit(sample, layers).empty();
}

Pays SmallStackLimits::hold(const Workload& work, const Shape& sample, const std::vector<SmallLayer>& layers) const {
  if (work.dtype != DType::f32) return {fmt::format("{} rather than f32", work.dtype)};
  const bool convolves = layers[0].kernel > 0;
  const int64_t most_weights = convolves ? weights_after_convolution : weights;
  const int64_t least_rows = std::max<int64_t>(work.experts, 1) * (convolves ? rows_of_convolution : rows);
  if (work.rows < least_rows) return {fmt::format("{} rows of at least {}", work.rows, least_rows)};
  Shape in = sample;
  for (const SmallLayer& layer : layers) {
    const bool convolution = layer.kernel > 0;
    const int64_t size = convolution ? std::max(in[0], layer.out) : in.numel() * layer.out;
    const int64_t most = convolution ? channels : most_weights;
    if (size > most) return {fmt::format("{} {} of at most {}", size, convolution ? "channels" : "weights", most)};
    in = *small_layer_shape(in, layer);
  }
  return {};
}

Pays small_stack_pays(const Workload& work, const Shape& sample, const std::vector<SmallLayer>& layers) {
  if (std::string why = misfit(sample, layers); !why.empty()) return {std::move(why)};
  return DIVVY_BACKEND(work, small_stack_pays)(work, sample, layers);
}

std::vector<int64_t> small_stack_products(const Shape& sample, const std::vector<SmallLayer>& layers) {
  const std::vector<Shape> shapes = shapes_of(Shape{1}.concat(sample), layers);
  std::vector<int64_t> products;
  for (size_t l = 0; l < layers.size(); ++l) products.push_back(SmallLayerSizes(shapes[l], layers[l]).products());
  return products;
}

Shape small_stack_shape(const Shape& x, const std::vector<SmallLayer>& layers, const Segments& segments) {
  const std::vector<Shape> shapes = shapes_of(x, layers);
  return output_shape(shapes, segments.rows(x[0]));
}

void small_stack(const Tensor& x, const std::vector<SmallLayer>& layers, const SmallStackParameters& parameters,
                 const Segments& segments, Tensor& y, SmallStackSaved* saved) {
  check::floating(kName, "input", x);
  const std::vector<Shape> shapes = shapes_of(x.shape(), layers);
  const int64_t experts = experts_of(kName, parameters);
  check_parameters(kName, parameters, layers, shapes, experts, x, false);
  check_segments(kName, segments, experts, x.size(0), x.device());
  check::shape(kName, "output", y, output_shape(shapes, segments.rows(x.size(0))));
  check::same_kind(kName, "output", y, x);
  DIVVY_BACKEND(x, small_stack)(x, layers, parameters, segments, y, saved);
}

void small_stack_backward(const Tensor& x, const std::vector<SmallLayer>& layers,
                          const SmallStackParameters& parameters, const Segments& segments,
                          const SmallStackSaved& saved, const Tensor& dy, Tensor& dx, SmallStackParameters& gradients) {
  constexpr const char* op = "small_stack_backward";
  check::floating(op, "dy", dy);
  check::same_kind(op, "x", x, dy);
  const std::vector<Shape> shapes = shapes_of(x.shape(), layers);
  const int64_t experts = experts_of(op, parameters);
  check_parameters(op, parameters, layers, shapes, experts, dy, false);
  check_parameters(op, gradients, layers, shapes, experts, dy, true);
  check_segments(op, segments, experts, x.size(0), dy.device());
  check::shape(op, "dy", dy, output_shape(shapes, segments.rows(x.size(0))));
  if (dx.defined()) {
    check::shape(op, "dx", dx, x.shape());
    check::same_kind(op, "dx", dx, dy);
  }
  if (!saved.results.defined()) fail<ValueError>("{}: the forward pass has kept nothing for it", op);
  with_row_gradient(segments, dx, [&](Tensor& rows) {
    DIVVY_BACKEND_OF(saved.set, dy, small_stack_backward)(x, layers, parameters, segments, saved, dy, rows, gradients);
  });
}

}  // namespace divvy::kernels
