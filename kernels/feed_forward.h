#pragma once

#include <string>

#include "kernels/precision.h"
#include "kernels/segments.h"
#include "kernels/workload.h"
#include "tensor/tensor.h"

/// Two layers with max(., 0) between them: the usual expert of a transformer, as one operation.
///
/// E experts, I input, H hidden and O output features, N rows; `segments` say which rows belong to which expert, and
/// which rows of x they read, as for grouped_matmul. All tensors are f32 or all f64; an output shares no memory with an
/// input. Zero rows and experts with no rows are allowed. The factors of f32 products are rounded to `precision`.
/// Throws ShapeError, DTypeError, ValueError or DeviceError for arguments that do not fit.
namespace divvy::kernels {

/// up: [E, H, I], down: [E, O, H], up_bias: [E, H], down_bias: [E, O]. An undefined bias is zero; an undefined gradient
/// is not wanted.
struct FeedForwardParameters {
  Tensor up, up_bias, down, down_bias;
};

/// The length of a hidden row in memory, for H features: with a power of two the rows of a tile would all fall on
/// the same few places of the caches.
constexpr int64_t feed_forward_pitch(int64_t features) { return (features + 15) / 16 * 16 + 16; }

/// What feed_forward is faster than: its layers one by one, or also small_stack (kernels/small_stack.h), which can
/// evaluate the same layers.
enum class FeedForwardGain { nothing, over_layers, over_small_stack };

struct FeedForwardAnswer {
  FeedForwardGain gain;
  std::string why_not = {};  ///< why it is nothing, in a few words for people: "3 experts of at least 8"
};

/// That, as the backend has it, for experts of `in`, `hidden` and `out` features. Only stacked experts gain.
FeedForwardAnswer feed_forward_gain(const Workload& work, int64_t in, int64_t hidden, int64_t out);

/// hidden[i] = max(up x[r] + up_bias, 0) and y[i] = down hidden[i] + down_bias with the parameters of the expert of row
/// i, where r = segments.sample ? sample[i] : i. x: [R, I], hidden: [N,
/// feed_forward_pitch(H)], whose rows are kept for backward and are of no use beyond H; y: [N, O].
void feed_forward(const Tensor& x, const FeedForwardParameters& parameters, const Segments& segments, Tensor& hidden,
                  Tensor& y, Precision precision = Precision::f32);

/// The gradients of <dy, feed_forward(x)>, with the x and the hidden rows of the forward pass. dx: [R, I], or undefined
/// where it is not wanted; `gradients`: those by the parameters, zero for an expert with no rows. Assigns. Biases among
/// the parameters are not read.
void feed_forward_backward(const Tensor& x, const Tensor& hidden, const FeedForwardParameters& parameters,
                           const Segments& segments, const Tensor& dy, Tensor& dx, FeedForwardParameters& gradients,
                           Precision precision = Precision::f32);

/// Up to where a backend judges that feed_forward gains.
struct FeedForwardLimits {
  int64_t experts;  ///< the fewest
  int64_t weights;  ///< of the smaller layer of an expert: the fewest with which it is faster than a small stack
  FeedForwardAnswer judge(const Workload& work, int64_t in, int64_t hidden, int64_t out) const;
};

DIVVY_BACKENDS(feed_forward_gain);
DIVVY_BACKENDS(feed_forward);
DIVVY_BACKENDS(feed_forward_backward);

}  // namespace divvy::kernels
