#include "autograd/ops/small_stack.h"

#include "autograd/node.h"
#include "autograd/saved_segments.h"
#include "tensor/error.h"

namespace divvy {

namespace {

/// Whether the parameters are those of one network alone, told by the first weight.
bool is_plain(const std::vector<SmallLayer>& layers, const std::vector<Variable>& weights,
              const std::vector<Variable>& biases) {
  if (layers.empty() || weights.size() != layers.size() || biases.size() != layers.size()) {
    fail<ValueError>("small_stack: {} layers need as many weights and biases, got {} and {}", layers.size(),
                     weights.size(), biases.size());
  }
  const int rank = weights[0].shape().rank();
  return rank == (layers[0].kernel == 0 ? 2 : 4);
}

/// A parameter as the kernel takes it: that of a network alone is that of one expert.
Tensor stacked(const Variable& parameter, bool plain) {
  if (!parameter.defined()) return {};
  const Tensor& value = parameter.value();
  return plain ? value.reshape(Shape{1}.concat(value.shape())) : value;
}

}  // namespace

Variable small_stack(const Variable& x, const std::vector<SmallLayer>& layers, const std::vector<Variable>& weights,
                     const std::vector<Variable>& biases, const Segments& segments) {
  const bool plain = is_plain(layers, weights, biases);
  const Segments used = plain ? Segments{{}, segments.sample} : segments;
  kernels::SmallStackParameters parameters;
  std::vector<Variable> inputs{x};
  bool learns = x.requires_grad();
  for (size_t l = 0; l < layers.size(); ++l) {
    parameters.weights.push_back(stacked(weights[l], plain));
    parameters.biases.push_back(stacked(biases[l], plain));
    for (const Variable& parameter : {weights[l], biases[l]}) {
      inputs.push_back(parameter);
      learns = learns || (parameter.defined() && parameter.requires_grad());
    }
  }
  Tensor y = Tensor::empty(kernels::small_stack_shape(x.shape(), layers, used), x.dtype(), x.device());
  kernels::SmallStackSaved saved;
  const bool recorded = learns && !NoGrad::active();
  kernels::small_stack(x.value(), layers, parameters, used, y, recorded ? &saved : nullptr);
  if (!recorded) return Variable(y);

  // Backward reads the weights through which a gradient goes on; of the other parameters it needs the shapes alone.
  std::vector<Saved> read;
  for (size_t l = x.requires_grad() ? 0 : 1; l < layers.size(); ++l) read.emplace_back(parameters.weights[l]);
  Flops flops;
  const std::vector<int64_t> products = kernels::small_stack_products(x.shape().range(1), layers);
  for (size_t l = 0; l < layers.size(); ++l) {
    flops += product_flops(2 * y.size(0) * products[l], {weights[l]});
    if (l > 0 || x.requires_grad()) flops.backward += 2 * y.size(0) * products[l];
  }
  return record(
      "small_stack", y, inputs,
      [layers, saved, parameters, read, segments = SavedSegments(used), x = Saved(x), plain](const Tensor& dy,
                                                                                             Gradients& dx) {
        for (const Saved& weight : read) weight.get();
        const size_t count = layers.size();
        kernels::SmallStackParameters gradients;
        const auto wanted = [&](size_t input, const Tensor& parameter) {
          return dx.needs(input) ? Tensor::empty_like(parameter) : Tensor();
        };
        for (size_t l = 0; l < count; ++l) {
          gradients.weights.push_back(wanted(2 * l + 1, parameters.weights[l]));
          gradients.biases.push_back(wanted(2 * l + 2, parameters.biases[l]));
        }
        Tensor dinput = dx.needs(0) ? Tensor::empty_like(x.get()) : Tensor();
        kernels::small_stack_backward(x.get(), layers, parameters, segments.get(), saved, dy, dinput, gradients);
        const auto assign = [&](size_t input, const Tensor& gradient) {
          if (gradient.defined()) dx[input] = plain ? gradient[0] : gradient;
        };
        if (dinput.defined()) dx[0] = dinput;
        for (size_t l = 0; l < count; ++l) {
          assign(2 * l + 1, gradients.weights[l]);
          assign(2 * l + 2, gradients.biases[l]);
        }
      },
      flops);
}

}  // namespace divvy
