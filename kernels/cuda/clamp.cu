#include "kernels/clamp.h"

#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Clamp {
  T low, high;
  __device__ T operator()(T x) const {
    const T raised = x < low ? low : x;  // a NaN stays
    return raised > high ? high : raised;
  }
};

template <class T>
struct ClampBackward {
  T low, high;
  __device__ T operator()(T x, T dy) const { return x < low || x > high ? T(0) : dy; }
};

}  // namespace

void clamp(const Tensor& x, double low, double high, Tensor& y) {
  visit_floating("clamp", x.dtype(), [&]<class T>() {
    map(x.device(), x.numel(), Clamp<T>{static_cast<T>(low), static_cast<T>(high)}, y.mutable_data<T>(), x.data<T>());
  });
}

void clamp_backward(const Tensor& x, double low, double high, const Tensor& dy, Tensor& dx) {
  visit_floating("clamp", x.dtype(), [&]<class T>() {
    map(x.device(), x.numel(), ClampBackward<T>{static_cast<T>(low), static_cast<T>(high)}, dx.mutable_data<T>(),
        x.data<T>(), dy.data<T>());
  });
}

}  // namespace divvy::kernels::cuda
