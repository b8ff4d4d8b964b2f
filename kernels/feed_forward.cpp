#include "kernels/feed_forward.h"

#include <algorithm>

#include "kernels/check.h"
#include "kernels/row_gradient.h"

namespace divvy::kernels {

namespace {

void check_tensor(const char* op, const char* name, const Tensor& t, const Shape& shape, const Tensor& like) {
  check::shape(op, name, t, shape);
  check::same_kind(op, name, t, like);
}

/// Checks the parameters and what both directions share; returns the number of rows.
int64_t check_layers(const char* op, const Tensor& x, const FeedForwardParameters& p, const Segments& segments,
                     const Tensor& hidden) {
  check::floating(op, "x", x);
  check::rank(op, "x", x, 2);
  check::rank(op, "up", p.up, 3);
  check::rank(op, "down", p.down, 3);
  const int64_t experts = p.up.size(0), features = p.up.size(1);
  check_tensor(op, "up", p.up, {experts, features, x.size(1)}, x);
  check_tensor(op, "down", p.down, {experts, p.down.size(1), features}, x);
  check_segments(op, segments, experts, x.size(0), x.device());
  const int64_t rows = segments.rows(x.size(0));
  check_tensor(op, "hidden", hidden, {rows, feed_forward_pitch(features)}, x);
  return rows;
}

}  // namespace

FeedForwardAnswer FeedForwardLimits::judge(const Workload& work, int64_t in, int64_t hidden, int64_t out) const {
  using Gain = FeedForwardGain;
  if (work.experts == 0) return {Gain::nothing, "not stacked"};
  if (work.dtype != DType::f32) return {Gain::nothing, fmt::format("{} rather than f32", work.dtype)};
  if (work.experts < experts) return {Gain::nothing, fmt::format("{} experts of at least {}", work.experts, experts)};
  return {std::min(in, out) * hidden < weights ? Gain::over_layers : Gain::over_small_stack};
}

FeedForwardAnswer feed_forward_gain(const Workload& work, int64_t in, int64_t hidden, int64_t out) {
  return DIVVY_BACKEND(work, feed_forward_gain)(work, in, hidden, out);
}

void feed_forward(const Tensor& x, const FeedForwardParameters& parameters, const Segments& segments, Tensor& hidden,
                  Tensor& y, Precision precision) {
  constexpr const char* op = "feed_forward";
  const FeedForwardParameters& p = parameters;
  const int64_t rows = check_layers(op, x, p, segments, hidden);
  if (p.up_bias.defined()) check_tensor(op, "up_bias", p.up_bias, p.up.shape().range(0, 2), x);
  if (p.down_bias.defined()) check_tensor(op, "down_bias", p.down_bias, p.down.shape().range(0, 2), x);
  check_tensor(op, "y", y, {rows, p.down.size(1)}, x);
  DIVVY_BACKEND(x, feed_forward)(x, parameters, segments, hidden, y, precision);
}

void feed_forward_backward(const Tensor& x, const Tensor& hidden, const FeedForwardParameters& parameters,
                           const Segments& segments, const Tensor& dy, Tensor& dx, FeedForwardParameters& gradients,
                           Precision precision) {
  constexpr const char* op = "feed_forward_backward";
  const FeedForwardParameters& p = parameters;
  const int64_t rows = check_layers(op, x, p, segments, hidden), outputs = p.down.size(1);
  check_tensor(op, "dy", dy, {rows, outputs}, x);
  if (dx.defined()) check_tensor(op, "dx", dx, x.shape(), x);
  const auto check_gradient = [&](const char* name, const Tensor& t, const Shape& shape) {
    if (t.defined()) check_tensor(op, name, t, shape, x);
  };
  check_gradient("the gradient of up", gradients.up, p.up.shape());
  check_gradient("the gradient of down", gradients.down, p.down.shape());
  check_gradient("the gradient of up_bias", gradients.up_bias, p.up.shape().range(0, 2));
  check_gradient("the gradient of down_bias", gradients.down_bias, p.down.shape().range(0, 2));
  with_row_gradient(segments, dx, [&](Tensor& dx_rows) {
    DIVVY_BACKEND(dy, feed_forward_backward)(x, hidden, parameters, segments, dy, dx_rows, gradients, precision);
  });
}

}  // namespace divvy::kernels
