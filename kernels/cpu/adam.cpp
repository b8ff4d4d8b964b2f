#include "kernels/adam.h"

#include "kernels/cpu/active_experts.h"
#include "kernels/cpu/chunks.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

void adam(const Tensor& gradient, const AdamUpdate& update, AdamMoments& moments, Tensor& parameter) {
  if (stopped(update.control)) return;
  if (update.rows.defined()) {
    AdamUpdate all = update;
    all.rows = {};
    for_active_experts(update.rows, [&](int64_t begin, int64_t end) {
      AdamMoments own{experts_of(moments.mean, begin, end), experts_of(moments.square, begin, end),
                      experts_of(moments.max_square, begin, end)};
      Tensor value = experts_of(parameter, begin, end);
      DIVVY_TARGET::adam(experts_of(gradient, begin, end), all, own, value);
    });
    return;
  }
  visit_floating("adam", parameter.dtype(), [&]<class T>() {
    const T* grad = gradient.data<T>();
    T *value = parameter.mutable_data<T>(), *mean = moments.mean.mutable_data<T>();
    T* square = moments.square.mutable_data<T>();
    T* largest = moments.max_square.defined() ? moments.max_square.mutable_data<T>() : nullptr;
    const double* factors = update.control.factors.data<double>();
    const T rate = static_cast<T>(factors[0]), root_correction = static_cast<T>(factors[1]);
    const T shrink = static_cast<T>(factors[2]);
    const T rest1 = static_cast<T>(1 - update.beta1), eps = static_cast<T>(update.eps);
    const T beta2 = static_cast<T>(update.beta2), rest2 = static_cast<T>(1 - update.beta2);
    const double gradient_decay = update.decoupled ? 0 : update.weight_decay;
    for_chunks(parameter.numel(), [&](int64_t at, int64_t size) {
      ChunkBuffer<T> g = decayed(grad, value, gradient_decay, at, size);
      Chunk<T> m(mean + at, size), s(square + at, size), p(value + at, size);
      m += rest1 * (g - m);
      s = beta2 * s + rest2 * g * g;
      if (largest != nullptr) {
        Chunk<T> most(largest + at, size);
        most = most.max(s);
        g = most.sqrt();
      } else {
        g = s.sqrt();
      }
      p = shrink * p - rate * m / (g * root_correction + eps);
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
