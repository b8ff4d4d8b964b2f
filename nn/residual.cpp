#include "nn/residual.h"

#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/conv2d.h"
#include "nn/layer_check.h"
#include "nn/sequential.h"

namespace divvy::nn {

namespace {

/// Refuses unequal shapes: broadcasting in a residual block can only be a mistake.
Rows sum_of(const char* layer, const Rows& body, const Rows& shortcut) {
  const Shape &one = body.source().shape(), &other = shortcut.source().shape();
  if (one != other)
    fail<ShapeError>("{}: the body gives {} and the shortcut {}; they must be alike", layer, one, other);
  return body + shortcut;
}

}  // namespace

Residual::Residual(std::shared_ptr<Module> body, std::shared_ptr<Module> shortcut)
    : body_(register_module("body", std::move(body))) {
  if (shortcut) shortcut_ = register_module("shortcut", std::move(shortcut));
}

Rows Residual::forward(const Rows& x) {
  const Rows rows = x.with(x.values());  // gathered once, for both
  const Rows inner = body_->forward(rows);
  return relu(sum_of("Residual", inner, shortcut_ ? shortcut_->forward(rows) : rows));
}

PreactivatedResidual::PreactivatedResidual(std::shared_ptr<Module> activation, std::shared_ptr<Module> body,
                                           std::shared_ptr<Module> shortcut)
    : activation_(register_module("activation", std::move(activation))),
      body_(register_module("body", std::move(body))) {
  if (shortcut) shortcut_ = register_module("shortcut", std::move(shortcut));
}

Rows PreactivatedResidual::forward(const Rows& x) {
  const Rows rows = x.with(x.values());
  const Rows active = activation_->forward(rows);
  const Rows inner = body_->forward(active);
  return sum_of("PreactivatedResidual", inner, shortcut_ ? shortcut_->forward(active) : rows);
}

std::shared_ptr<Module> residual_block(const ResidualBlockOptions& options, Generator& generator) {
  const auto& [in, out, stride, preactivation, experts, dtype] = options;
  detail::require_positive("residual_block", "in", in);
  detail::require_positive("residual_block", "out", out);
  detail::require_positive("residual_block", "stride", stride);
  detail::require_experts("residual_block", experts);
  const auto convolution = [&](int64_t from, int64_t kernel, int64_t step) {
    return std::make_shared<Conv2d>(Conv2dOptions{.in = from,
                                                  .out = options.out,
                                                  .kernel = kernel,
                                                  .stride = step,
                                                  .padding = kernel / 2,
                                                  .bias = false,
                                                  .experts = options.experts,
                                                  .dtype = options.dtype},
                                    generator);
  };
  const auto norm = [&](int64_t channels) {
    return std::make_shared<BatchNorm2d>(
        BatchNorm2dOptions{.channels = channels, .experts = options.experts, .dtype = options.dtype});
  };
  const auto first = convolution(in, 3, stride), second = convolution(out, 3, 1);
  const auto projection = in == out && stride == 1 ? nullptr : convolution(in, 1, stride);
  if (preactivation) {
    return std::make_shared<PreactivatedResidual>(sequential(norm(in), std::make_shared<ReLU>()),
                                                  sequential(first, norm(out), std::make_shared<ReLU>(), second),
                                                  projection);
  }
  return std::make_shared<Residual>(sequential(first, norm(out), std::make_shared<ReLU>(), second, norm(out)),
                                    projection ? sequential(projection, norm(out)) : nullptr);
}

}  // namespace divvy::nn
