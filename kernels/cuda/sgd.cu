#include "kernels/sgd.h"

#include "kernels/cuda/update.cuh"

namespace divvy::kernels::cuda {

namespace {

template <class T>
struct Descend {
  static constexpr int kStates = 0;
  T decay, lr = 0;  // taken from memory
  __device__ void take(const double* factors) { lr = static_cast<T>(factors[0]); }
  __device__ T operator()(T g, T value, T*) const { return value - lr * (g + decay * value); }
};

template <class T>
struct DescendWithMomentum {
  static constexpr int kStates = 1;
  T decay, momentum;
  bool nesterov;
  T lr = 0;  // taken from memory
  __device__ void take(const double* factors) { lr = static_cast<T>(factors[0]); }
  __device__ T operator()(T g, T value, T* velocity) const {
    g += decay * value;
    *velocity = momentum * *velocity + g;
    return value - lr * (nesterov ? g + momentum * *velocity : *velocity);
  }
};

}  // namespace

void sgd(const Tensor& gradient, const SgdUpdate& update, Tensor& velocity, Tensor& parameter) {
  visit_floating("sgd", parameter.dtype(), [&]<class T>() {
    const T decay = static_cast<T>(update.weight_decay);
    if (velocity.defined()) {
      const DescendWithMomentum<T> f{decay, static_cast<T>(update.momentum), update.nesterov};
      update_each<T>(f, gradient, update.rows, update.control, parameter, {&velocity});
    } else {
      update_each<T>(Descend<T>{decay}, gradient, update.rows, update.control, parameter, {});
    }
  });
}

}  // namespace divvy::kernels::cuda
