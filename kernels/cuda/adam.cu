#include "kernels/adam.h"

#include "kernels/cuda/math.cuh"
#include "kernels/cuda/update.cuh"

namespace divvy::kernels::cuda {

namespace {

/// States: mean, square and, for AMSGrad, the largest square.
template <class T, bool kAmsgrad>
struct Adam {
  static constexpr int kStates = kAmsgrad ? 3 : 2;
  T rate = 0, root_correction = 0, shrink = 0;  // taken from memory
  T rest1, beta2, rest2, eps, decay;

  explicit Adam(const AdamUpdate& update) {
    rest1 = static_cast<T>(1 - update.beta1);
    beta2 = static_cast<T>(update.beta2);
    rest2 = static_cast<T>(1 - update.beta2);
    eps = static_cast<T>(update.eps);
    decay = static_cast<T>(update.decoupled ? 0 : update.weight_decay);
  }

  __device__ void take(const double* factors) {
    rate = static_cast<T>(factors[0]);
    root_correction = static_cast<T>(factors[1]);
    shrink = static_cast<T>(factors[2]);
  }

  __device__ T operator()(T g, T value, T* states) const {
    g += decay * value;
    states[0] += rest1 * (g - states[0]);
    states[1] = beta2 * states[1] + rest2 * g * g;
    T square = states[1];
    if constexpr (kAmsgrad) {
      if (states[2] > square) square = states[2];
      states[2] = square;
    }
    return shrink * value - rate * states[0] / (Math::sqrt(square) * root_correction + eps);
  }
};

}  // namespace

void adam(const Tensor& gradient, const AdamUpdate& update, AdamMoments& moments, Tensor& parameter) {
  visit_floating("adam", parameter.dtype(), [&]<class T>() {
    if (moments.max_square.defined()) {
      update_each<T>(Adam<T, true>(update), gradient, update.rows, update.control, parameter,
                     {&moments.mean, &moments.square, &moments.max_square});
    } else {
      update_each<T>(Adam<T, false>(update), gradient, update.rows, update.control, parameter,
                     {&moments.mean, &moments.square});
    }
  });
}

}  // namespace divvy::kernels::cuda
