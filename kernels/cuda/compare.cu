#include "kernels/compare.h"

#include "kernels/convert.h"
#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

struct Equal {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a == b;
  }
};

struct NotEqual {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a != b;
  }
};

struct Less {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a < b;
  }
};

struct LessEqual {
  template <class T>
  __device__ bool operator()(T a, T b) const {
    return a <= b;
  }
};

template <class F>
struct Holds {
  template <class T>
  __device__ uint8_t operator()(T a, T b) const {
    return F()(a, b) ? 1 : 0;
  }
  __device__ uint8_t operator()(bf16 a, bf16 b) const { return F()(float_from(a), float_from(b)) ? 1 : 0; }
};

template <class F>
void run(const Tensor& a, const Tensor& b, Tensor& y) {
  visit_any(a.dtype(), [&]<class T>() {
    broadcast_map(a.device(), y.shape(), Holds<F>(), y.mutable_data<uint8_t>(), Operand<T>{a.data<T>(), a.shape()},
                  Operand<T>{b.data<T>(), b.shape()});
  });
}

}  // namespace

void compare(Compare op, const Tensor& a, const Tensor& b, Tensor& y) {
  switch (op) {
    case Compare::equal: return run<Equal>(a, b, y);
    case Compare::not_equal: return run<NotEqual>(a, b, y);
    case Compare::less: return run<Less>(a, b, y);
    case Compare::less_equal: return run<LessEqual>(a, b, y);
    case Compare::greater: return run<Less>(b, a, y);
    case Compare::greater_equal: return run<LessEqual>(b, a, y);
  }
}

}  // namespace divvy::kernels::cuda
