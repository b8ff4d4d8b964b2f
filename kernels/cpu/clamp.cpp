#include "kernels/clamp.h"

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

constexpr int64_t kTile = 16384;

}  // namespace

void clamp(const Tensor& x, double low, double high, Tensor& y) {
  visit_floating("clamp", x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    T* out = y.mutable_data<T>();
    const T least = static_cast<T>(low), most = static_cast<T>(high);
    parallel_tiles(x.numel(), kTile, [=](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) {
        const T raised = in[i] < least ? least : in[i];
        out[i] = raised > most ? most : raised;
      }
    });
  });
}

void clamp_backward(const Tensor& x, double low, double high, const Tensor& dy, Tensor& dx) {
  visit_floating("clamp", x.dtype(), [&]<class T>() {
    const T *in = x.data<T>(), *upstream = dy.data<T>();
    T* out = dx.mutable_data<T>();
    const T least = static_cast<T>(low), most = static_cast<T>(high);
    parallel_tiles(x.numel(), kTile, [=](int64_t begin, int64_t end) {
#pragma omp simd
      for (int64_t i = begin; i < end; ++i) {
        const T held = in[i] < least ? T{0} : upstream[i];
        out[i] = in[i] > most ? T{0} : held;
      }
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
