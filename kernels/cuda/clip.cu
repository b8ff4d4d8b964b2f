#include "kernels/clip.h"

#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/reduce_middle.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct SquaresOf {
  using Acc = double;
  static constexpr int kUnroll = 4;
  double* y;
  __device__ double start() const { return 0; }
  __device__ void take(double& acc, T x, int64_t, int64_t) const {
    acc += static_cast<double>(x) * static_cast<double>(x);
  }
  __device__ double merge(double a, double b) const { return a + b; }
  __device__ void finish(int64_t, double sum) const { *y = sum; }
};

template <class T>
struct Times {
  T factor;
  __device__ T operator()(T x) const { return x * factor; }
};

}  // namespace

std::vector<double> squared_norms(std::span<const Tensor> x) {
  const Device device = x.front().device();
  Tensor norms = Tensor::empty({static_cast<int64_t>(x.size())}, DType::f64, device);
  double* to = norms.mutable_data<double>();
  for (const Tensor& t : x) {
    visit_floating("squared_norm", t.dtype(), [&]<class T>() {
      reduce_middle<T>(t.reshape({1, t.numel(), 1}), SquaresOf<T>{to});
    });
    ++to;
  }
  return norms.to_doubles();
}

void scale(Tensor& x, double factor) {
  visit_floating("scale", x.dtype(), [&]<class T>() {
    T* values = x.mutable_data<T>();
    map(x.device(), x.numel(), Times<T>{static_cast<T>(factor)}, values, static_cast<const T*>(values));
  });
}

}  // namespace divvy::kernels::cuda
