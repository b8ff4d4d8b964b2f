#include "kernels/feed_forward.h"

#include <algorithm>

#include "kernels/cuda/product/grouped_product.cuh"

namespace divvy::kernels::cuda {

namespace {
constexpr const char* kFault = "feed_forward: the segments' offsets or a sample are out of range";
}

FeedForwardAnswer feed_forward_gain(const Workload& work, int64_t in, int64_t hidden, int64_t out) {
  // A judgment that no GPU has measured yet: the limits of the CPU. What is saved is a pass over the hidden rows; wider
  // layers are better multiplied than summed in the blocks of a small stack. What runs in f64 on a GPU is a check.
  constexpr FeedForwardLimits kLimits{.experts = 8, .weights = 4096};
  return kLimits.judge(work, in, hidden, out);
}

void feed_forward(const Tensor& x, const FeedForwardParameters& parameters, const Segments& segments, Tensor& hidden,
                  Tensor& y, Precision precision) {
  visit_floating("feed_forward", x.dtype(), [&]<class T>() {
    const Tensor &up = parameters.up, &down = parameters.down;
    const Device device = x.device();
    const int64_t experts = up.size(0), inputs = up.size(2), features = up.size(1), outputs = down.size(1);
    const int64_t rows = y.size(0), pitch = hidden.size(1);
    const DeviceSegments read = on_device(segments, experts, rows, x.size(0), device, kFault);
    const DeviceSegments in_place = on_device({segments.offsets, {}}, experts, rows, rows, device, kFault);
    RowsProduct<T> first{read, x.data<T>(), inputs, up.data<T>(), inputs, features, hidden.mutable_data<T>(), pitch};
    RowsProduct<T> second{in_place, first.y, pitch, down.data<T>(), features, outputs, y.mutable_data<T>(), outputs};
    first.epilogue.relu = true;
    if (parameters.up_bias.defined()) first.epilogue.bias = parameters.up_bias.data<T>();
    if (parameters.down_bias.defined()) second.epilogue.bias = parameters.down_bias.data<T>();
    multiply_rows<false>(device, first, precision);
    multiply_rows<false>(device, second, precision);
  });
}

void feed_forward_backward(const Tensor& x, const Tensor& hidden, const FeedForwardParameters& parameters,
                           const Segments& segments, const Tensor& dy, Tensor& dx, FeedForwardParameters& gradients,
                           Precision precision) {
  visit_floating("feed_forward_backward", dy.dtype(), [&]<class T>() {
    const Tensor &up = parameters.up, &down = parameters.down;
    const Device device = x.device();
    const int64_t experts = up.size(0), inputs = up.size(2), features = up.size(1), outputs = down.size(1);
    const int64_t rows = dy.size(0), pitch = hidden.size(1);
    const DeviceSegments read = on_device(segments, experts, rows, x.size(0), device, kFault);
    const DeviceSegments in_place = on_device({segments.offsets, {}}, experts, rows, rows, device, kFault);
    const T *upstream = dy.data<T>(), *active = hidden.data<T>();
    if (gradients.down_bias.defined()) {
      channel_sums(upstream, outputs, 1, in_place, device, gradients.down_bias.mutable_data<T>());
    }
    if (gradients.down.defined()) {
      weight_gradient(in_place, device, active, pitch, upstream, features, outputs, gradients.down.mutable_data<T>(),
                      precision);
    }
    if (!dx.defined() && !gradients.up.defined() && !gradients.up_bias.defined()) return;
    // The gradient of the hidden rows, which passes where max(., 0) let them pass.
    Tensor dhidden = Tensor::empty(Shape{rows, features}, dy.dtype(), device);
    RowsProduct<T> second{in_place, upstream, outputs, down.data<T>(), outputs, features, dhidden.mutable_data<T>(),
                          features};
    second.epilogue.active = active, second.epilogue.active_stride = pitch;
    multiply_rows<true>(device, second, precision);
    if (gradients.up_bias.defined()) {
      channel_sums<T>(second.y, features, 1, in_place, device, gradients.up_bias.mutable_data<T>());
    }
    if (gradients.up.defined()) {
      weight_gradient<T>(read, device, x.data<T>(), inputs, second.y, inputs, features, gradients.up.mutable_data<T>(),
                         precision);
    }
    if (!dx.defined()) return;
    multiply_rows<true>(
        device,
        RowsProduct<T>{in_place, second.y, features, up.data<T>(), features, inputs, dx.mutable_data<T>(), inputs},
        precision);
  });
}

}  // namespace divvy::kernels::cuda
