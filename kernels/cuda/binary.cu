#include "kernels/binary.h"

#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/math.cuh"
#include "kernels/cuda/reduce_block.cuh"

namespace divvy::kernels::cuda {

namespace {

// Sum and Maximum are in reduce_block.cuh.

struct Difference {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a - b;
  }
};

struct Product {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a * b;
  }
};

struct Quotient {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a / b;
  }
};

struct Minimum {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a < b || math::is_nan(a) ? a : b;
  }
};

struct Power {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return math::pow(a, b);
  }
};

template <int constant>
struct Always {
  template <class T>
  __device__ T operator()(T, T) const {
    return T(constant);
  }
};

struct First {
  template <class T>
  __device__ T operator()(T a, T) const {
    return a;
  }
};

struct Second {
  template <class T>
  __device__ T operator()(T, T b) const {
    return b;
  }
};

struct QuotientByFirst {
  template <class T>
  __device__ T operator()(T, T b) const {
    return T(1) / b;
  }
};

struct QuotientBySecond {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return -(a / b) / b;
  }
};

/// The share of the gradient that the maximum of two gives to the first; a NaN takes all, so that it shows.
struct ShareOfLarger {
  template <class T>
  __device__ T operator()(T own, T other) const {
    return own < other ? T(0) : own == other ? T(0.5) : T(1);
  }
};

struct ShareOfSmaller {
  template <class T>
  __device__ T operator()(T own, T other) const {
    return ShareOfLarger()(-own, -other);
  }
};

template <class F>
struct Swapped {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return F()(b, a);
  }
};

struct PowerByFirst {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return b == T(0) ? T(0) : b * math::pow(a, b - T(1));
  }
};

struct PowerBySecond {
  template <class T>
  __device__ T operator()(T a, T b) const {
    return a == T(0) && b >= T(0) ? T(0) : math::pow(a, b) * math::log(a);
  }
};

template <class Derivative>
struct Chain {
  template <class T>
  __device__ T operator()(T dy, T a, T b) const {
    return dy * Derivative()(a, b);
  }
};

template <class F>
void forward(const Tensor& a, const Tensor& b, Tensor& y) {
  visit_floating("binary", a.dtype(), [&]<class T>() {
    broadcast_map(a.device(), y.shape(), F(), y.mutable_data<T>(), Operand<T>{a.data<T>(), a.shape()},
                  Operand<T>{b.data<T>(), b.shape()});
  });
}

template <class Derivative>
void backward(const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  visit_floating("binary_backward", dy.dtype(), [&]<class T>() {
    broadcast_map(dy.device(), dy.shape(), Chain<Derivative>(), d.mutable_data<T>(),
                  Operand<T>{dy.data<T>(), dy.shape()}, Operand<T>{a.data<T>(), a.shape()},
                  Operand<T>{b.data<T>(), b.shape()});
  });
}

template <class ByFirst, class BySecond>
void backward(int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  by == 0 ? backward<ByFirst>(a, b, dy, d) : backward<BySecond>(a, b, dy, d);
}

}  // namespace

void binary(Binary op, const Tensor& a, const Tensor& b, Tensor& y) {
  switch (op) {
    case Binary::add: return forward<Sum>(a, b, y);
    case Binary::sub: return forward<Difference>(a, b, y);
    case Binary::mul: return forward<Product>(a, b, y);
    case Binary::div: return forward<Quotient>(a, b, y);
    case Binary::maximum: return forward<Maximum>(a, b, y);
    case Binary::minimum: return forward<Minimum>(a, b, y);
    case Binary::pow: return forward<Power>(a, b, y);
  }
}

void binary_backward(Binary op, int by, const Tensor& a, const Tensor& b, const Tensor& dy, Tensor& d) {
  switch (op) {
    case Binary::add: return backward<Always<1>>(a, b, dy, d);
    case Binary::sub: return backward<Always<1>, Always<-1>>(by, a, b, dy, d);
    case Binary::mul: return backward<Second, First>(by, a, b, dy, d);
    case Binary::div: return backward<QuotientByFirst, QuotientBySecond>(by, a, b, dy, d);
    case Binary::maximum: return backward<ShareOfLarger, Swapped<ShareOfLarger>>(by, a, b, dy, d);
    case Binary::minimum: return backward<ShareOfSmaller, Swapped<ShareOfSmaller>>(by, a, b, dy, d);
    case Binary::pow: return backward<PowerByFirst, PowerBySecond>(by, a, b, dy, d);
  }
}

}  // namespace divvy::kernels::cuda
