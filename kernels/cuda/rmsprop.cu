#include "kernels/rmsprop.h"

#include "kernels/cuda/math.cuh"
#include "kernels/cuda/update.cuh"

namespace divvy::kernels::cuda {

namespace {

/// States: square and, with momentum, the velocity.
template <class T, bool kMomentum>
struct Rmsprop {
  static constexpr int kStates = kMomentum ? 2 : 1;
  T lr = 0;  // taken from memory
  T alpha, rest, eps, decay, momentum;

  explicit Rmsprop(const RmspropUpdate& update)
      : alpha(static_cast<T>(update.alpha)),
        rest(static_cast<T>(1 - update.alpha)),
        eps(static_cast<T>(update.eps)),
        decay(static_cast<T>(update.weight_decay)),
        momentum(static_cast<T>(update.momentum)) {}

  __device__ void take(const double* factors) { lr = static_cast<T>(factors[0]); }

  __device__ T operator()(T g, T value, T* states) const {
    g += decay * value;
    states[0] = alpha * states[0] + rest * g * g;
    g /= Math::sqrt(states[0]) + eps;
    if constexpr (kMomentum) g = states[1] = momentum * states[1] + g;
    return value - lr * g;
  }
};

}  // namespace

void rmsprop(const Tensor& gradient, const RmspropUpdate& update, Tensor& square, Tensor& velocity, Tensor& parameter) {
  visit_floating("rmsprop", parameter.dtype(), [&]<class T>() {
    if (velocity.defined()) {
      update_each<T>(Rmsprop<T, true>(update), gradient, update.rows, update.control, parameter, {&square, &velocity});
    } else {
      update_each<T>(Rmsprop<T, false>(update), gradient, update.rows, update.control, parameter, {&square});
    }
  });
}

}  // namespace divvy::kernels::cuda
