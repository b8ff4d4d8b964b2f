#include "kernels/rmsprop.h"

#include "kernels/cpu/active_experts.h"
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void rmsprop(const Tensor& gradient, const RmspropUpdate& update, Tensor& square, Tensor& velocity, Tensor& parameter) {
  if (stopped(update.control)) return;
  if (update.rows.defined()) {
    RmspropUpdate all = update;
    all.rows = {};
    for_active_experts(update.rows, [&](int64_t begin, int64_t end) {
      Tensor own = experts_of(square, begin, end), speed = experts_of(velocity, begin, end);
      Tensor value = experts_of(parameter, begin, end);
      DIVVY_TARGET::rmsprop(experts_of(gradient, begin, end), all, own, speed, value);
    });
    return;
  }
  visit_floating("rmsprop", parameter.dtype(), [&]<class T>() {
    const T* grad = gradient.data<T>();
    T *value = parameter.mutable_data<T>(), *mean_square = square.mutable_data<T>();
    T* speed = velocity.defined() ? velocity.mutable_data<T>() : nullptr;
    const T lr = static_cast<T>(update.control.factors.data<double>()[0]), eps = static_cast<T>(update.eps);
    const T alpha = static_cast<T>(update.alpha), rest = static_cast<T>(1 - update.alpha);
    const T momentum = static_cast<T>(update.momentum);
    for_chunks(parameter.numel(), [&](int64_t at, int64_t size) {
      ChunkBuffer<T> g = decayed(grad, value, update.weight_decay, at, size);
      Chunk<T> s(mean_square + at, size);
      s = alpha * s + rest * g * g;
      g /= s.sqrt() + eps;
      if (speed != nullptr) {
        Chunk<T> v(speed + at, size);
        v = momentum * v + g;
        g = v;
      }
      Chunk<T>(value + at, size) -= lr * g;
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
