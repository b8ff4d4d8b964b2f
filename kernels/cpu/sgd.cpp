#include "kernels/sgd.h"

#include "kernels/cpu/active_experts.h"
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void sgd(const Tensor& gradient, const SgdUpdate& update, Tensor& velocity, Tensor& parameter) {
  if (stopped(update.control)) return;
  if (update.rows.defined()) {
    SgdUpdate all = update;
    all.rows = {};
    for_active_experts(update.rows, [&](int64_t begin, int64_t end) {
      Tensor speed = experts_of(velocity, begin, end), value = experts_of(parameter, begin, end);
      DIVVY_TARGET::sgd(experts_of(gradient, begin, end), all, speed, value);
    });
    return;
  }
  visit_floating("sgd", parameter.dtype(), [&]<class T>() {
    const T* grad = gradient.data<T>();
    T* value = parameter.mutable_data<T>();
    T* speed = velocity.defined() ? velocity.mutable_data<T>() : nullptr;
    const T lr = static_cast<T>(update.control.factors.data<double>()[0]), momentum = static_cast<T>(update.momentum);
    for_chunks(parameter.numel(), [&](int64_t at, int64_t size) {
      ChunkBuffer<T> g = decayed(grad, value, update.weight_decay, at, size);
      if (speed != nullptr) {
        Chunk<T> v(speed + at, size);
        v = momentum * v + g;
        if (update.nesterov) {
          g += momentum * v;
        } else {
          g = v;
        }
      }
      Chunk<T>(value + at, size) -= lr * g;
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
