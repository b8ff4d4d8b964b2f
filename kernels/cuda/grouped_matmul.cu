#include "kernels/grouped_matmul.h"

#include "kernels/cuda/product/grouped_product.cuh"

namespace divvy::kernels::cuda {

namespace {
constexpr const char* kFault = "grouped_matmul: the segments' offsets or a sample are out of range";
}

void grouped_matmul(const Tensor& x, const Tensor& weight, const Tensor& bias, const Segments& segments, Tensor& y,
                    Precision precision) {
  visit_floating("grouped_matmul", x.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    RowsProduct<T> p{on_device(segments, weight.size(0), y.size(0), x.size(0), x.device(), kFault),
                     x.data<T>(),
                     inputs,
                     weight.data<T>(),
                     inputs,
                     outputs,
                     y.mutable_data<T>(),
                     outputs};
    if (bias.defined()) p.epilogue.bias = bias.data<T>();
    multiply_rows<false>(x.device(), p, precision);
  });
}

void grouped_matmul_backward_input(const Tensor& dy, const Tensor& weight, const Segments& segments, Tensor& dx,
                                   Precision precision) {
  visit_floating("grouped_matmul_backward_input", dy.dtype(), [&]<class T>() {
    const int64_t inputs = weight.size(2), outputs = weight.size(1);
    multiply_rows<true>(
        dy.device(),
        RowsProduct<T>{on_device({segments.offsets, {}}, weight.size(0), dy.size(0), dy.size(0), dy.device(), kFault),
                       dy.data<T>(), outputs, weight.data<T>(), outputs, inputs, dx.mutable_data<T>(), inputs},
        precision);
  });
}

void grouped_matmul_backward_weight(const Tensor& x, const Tensor& dy, const Segments& segments, Tensor& dweight,
                                    Precision precision) {
  visit_floating("grouped_matmul_backward_weight", x.dtype(), [&]<class T>() {
    const DeviceSegments all = on_device(segments, dweight.size(0), dy.size(0), x.size(0), x.device(), kFault);
    weight_gradient(all, x.device(), x.data<T>(), x.size(1), dy.data<T>(), dweight.size(2), dweight.size(1),
                    dweight.mutable_data<T>(), precision);
  });
}

void grouped_matmul_backward_bias(const Tensor& dy, const Segments& segments, Tensor& dbias) {
  visit_floating("grouped_matmul_backward_bias", dy.dtype(), [&]<class T>() {
    channel_sums(dy.data<T>(), dbias.size(1), 1,
                 on_device({segments.offsets, {}}, dbias.size(0), dy.size(0), dy.size(0), dy.device(), kFault),
                 dy.device(), dbias.mutable_data<T>());
  });
}

}  // namespace divvy::kernels::cuda
