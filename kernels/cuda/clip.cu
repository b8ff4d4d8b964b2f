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

template <class T>
struct TimesFactor {
  const double* factor;
  __device__ T operator()(T x) const { return *factor == 1 ? x : x * static_cast<T>(*factor); }
};

struct ClipFactor {
  const double* squared_norms;
  int64_t count;
  double max_norm;
  double* factor;
  __device__ void operator()(int64_t) const {
    double squares = 0;
    for (int64_t i = 0; i < count; ++i) squares += squared_norms[i];
    const double wanted = max_norm / (sqrt(squares) + 1e-6);
    *factor = wanted < 1 ? wanted : 1;
  }
};

}  // namespace

void squared_norms(std::span<const Tensor> x, Tensor& norms) {
  double* to = norms.mutable_data<double>();
  for (const Tensor& t : x) {
    visit_floating("squared_norm", t.dtype(), [&]<class T>() {
      reduce_middle<T>(t.reshape({1, t.numel(), 1}), SquaresOf<T>{to});
    });
    ++to;
  }
}

void scale(Tensor& x, double factor) {
  visit_floating("scale", x.dtype(), [&]<class T>() {
    T* values = x.mutable_data<T>();
    map(x.device(), x.numel(), Times<T>{static_cast<T>(factor)}, values, static_cast<const T*>(values));
  });
}

void clip_factor(const Tensor& squared_norms, double max_norm, Tensor& factor) {
  for_each(factor.device(), 1,
           ClipFactor{squared_norms.data<double>(), squared_norms.numel(), max_norm, factor.mutable_data<double>()});
}

void scale_by(Tensor& x, const Tensor& factor) {
  visit_floating("scale_by", x.dtype(), [&]<class T>() {
    T* values = x.mutable_data<T>();
    map(x.device(), x.numel(), TimesFactor<T>{factor.data<double>()}, values, static_cast<const T*>(values));
  });
}

}  // namespace divvy::kernels::cuda
