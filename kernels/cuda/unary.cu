#include "kernels/unary.h"

#include <numbers>

#include "kernels/cuda/elementwise.cuh"
#include "kernels/cuda/math.cuh"

namespace divvy::kernels::cuda {

namespace {

struct Exp {
  template <class T>
  __device__ T operator()(T x) const {
    return math::exp(x);
  }
};

struct Log {
  template <class T>
  __device__ T operator()(T x) const {
    return math::log(x);
  }
};

struct Sqrt {
  template <class T>
  __device__ T operator()(T x) const {
    return math::sqrt(x);
  }
};

struct Rsqrt {
  template <class T>
  __device__ T operator()(T x) const {
    return T(1) / math::sqrt(x);
  }
};

struct Abs {
  template <class T>
  __device__ T operator()(T x) const {
    return math::abs(x);
  }
};

struct Tanh {
  template <class T>
  __device__ T operator()(T x) const {
    return math::tanh(x);
  }
};

struct Sigmoid {
  template <class T>
  __device__ T operator()(T x) const {
    const T z = math::exp(-math::abs(x));  // never overflows
    return (x >= T(0) ? T(1) : z) / (T(1) + z);
  }
};

struct Relu {
  template <class T>
  __device__ T operator()(T x) const {
    return x < T(0) ? T(0) : x;  // a NaN passes
  }
};

struct Gelu {
  template <class T>
  __device__ T operator()(T x) const {
    const T cdf = math::normal_cdf(x);
    return cdf == T(0) ? T(0) : x * cdf;  // and not -infinity times 0
  }
};

struct Softplus {
  template <class T>
  __device__ T operator()(T x) const {
    return (x > T(0) ? x : T(0)) + math::log1p(math::exp(-math::abs(x)));
  }
};

struct Erf {
  template <class T>
  __device__ T operator()(T x) const {
    return math::erf(x);
  }
};

struct Neg {
  template <class T>
  __device__ T operator()(T x) const {
    return -x;
  }
};

struct Square {
  template <class T>
  __device__ T operator()(T x) const {
    return x * x;
  }
};

/// e^(-c x^2) for c of 1/2 or 1, without the error that rounding x^2 would make.
template <class T>
__device__ T gaussian(T x, T c) {
  const T magnitude = math::abs(x), a = magnitude > T(40) ? T(40) : magnitude;  // e^-800 is 0
  const T square = a * a, rounded_off = math::fma(a, a, -square);
  const T e = math::exp(-c * square);
  return e - e * (c * rounded_off);
}

struct ExpDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return y;
  }
};

struct LogDerivative {
  template <class T>
  __device__ T operator()(T x) const {
    return T(1) / x;
  }
};

struct SqrtDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return T(0.5) / y;
  }
};

struct RsqrtDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return T(-0.5) * y * y * y;
  }
};

struct AbsDerivative {
  template <class T>
  __device__ T operator()(T x) const {
    return static_cast<T>(x > T(0)) - static_cast<T>(x < T(0));
  }
};

struct TanhDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return (T(1) - y) * (T(1) + y);
  }
};

struct SigmoidDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return y * (T(1) - y);
  }
};

struct ReluDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return y > T(0) ? T(1) : T(0);
  }
};

struct GeluDerivative {
  template <class T>
  __device__ T operator()(T x) const {
    constexpr T scale = std::numbers::sqrt2_v<T> / 2 * std::numbers::inv_sqrtpi_v<T>;
    const T density = gaussian(x, T(0.5)) * scale;
    return math::normal_cdf(x) + (density == T(0) ? T(0) : x * density);
  }
};

struct SoftplusDerivative {
  template <class T>
  __device__ T operator()(T y) const {
    return -math::expm1(-y);
  }
};

struct ErfDerivative {
  template <class T>
  __device__ T operator()(T x) const {
    return T(2) * std::numbers::inv_sqrtpi_v<T> * gaussian(x, T(1));
  }
};

struct SquareDerivative {
  template <class T>
  __device__ T operator()(T x) const {
    return T(2) * x;
  }
};

template <class Derivative>
struct Chain {
  template <class T>
  __device__ T operator()(T dy, T saved) const {
    return dy * Derivative()(saved);
  }
};

template <class F>
void forward(const Tensor& x, Tensor& y) {
  visit_floating("unary", x.dtype(),
                 [&]<class T>() { map(x.device(), x.numel(), F(), y.mutable_data<T>(), x.data<T>()); });
}

template <class Derivative>
void backward(const Tensor& saved, const Tensor& dy, Tensor& dx) {
  visit_floating("unary_backward", dy.dtype(), [&]<class T>() {
    map(dy.device(), dy.numel(), Chain<Derivative>(), dx.mutable_data<T>(), dy.data<T>(), saved.data<T>());
  });
}

}  // namespace

void unary(Unary op, const Tensor& x, Tensor& y) {
  switch (op) {
    case Unary::exp: return forward<Exp>(x, y);
    case Unary::log: return forward<Log>(x, y);
    case Unary::sqrt: return forward<Sqrt>(x, y);
    case Unary::rsqrt: return forward<Rsqrt>(x, y);
    case Unary::abs: return forward<Abs>(x, y);
    case Unary::tanh: return forward<Tanh>(x, y);
    case Unary::sigmoid: return forward<Sigmoid>(x, y);
    case Unary::relu: return forward<Relu>(x, y);
    case Unary::gelu: return forward<Gelu>(x, y);
    case Unary::softplus: return forward<Softplus>(x, y);
    case Unary::erf: return forward<Erf>(x, y);
    case Unary::neg: return forward<Neg>(x, y);
    case Unary::square: return forward<Square>(x, y);
  }
}

void unary_backward(Unary op, const Tensor& x, const Tensor& y, const Tensor& dy, Tensor& dx) {
  const Tensor& saved = read_by_backward(op, x, y, dy);
  switch (op) {
    case Unary::exp: return backward<ExpDerivative>(saved, dy, dx);
    case Unary::log: return backward<LogDerivative>(saved, dy, dx);
    case Unary::sqrt: return backward<SqrtDerivative>(saved, dy, dx);
    case Unary::rsqrt: return backward<RsqrtDerivative>(saved, dy, dx);
    case Unary::abs: return backward<AbsDerivative>(saved, dy, dx);
    case Unary::tanh: return backward<TanhDerivative>(saved, dy, dx);
    case Unary::sigmoid: return backward<SigmoidDerivative>(saved, dy, dx);
    case Unary::relu: return backward<ReluDerivative>(saved, dy, dx);
    case Unary::gelu: return backward<GeluDerivative>(saved, dy, dx);
    case Unary::softplus: return backward<SoftplusDerivative>(saved, dy, dx);
    case Unary::erf: return backward<ErfDerivative>(saved, dy, dx);
    case Unary::neg: return forward<Neg>(dy, dx);
    case Unary::square: return backward<SquareDerivative>(saved, dy, dx);
  }
}

}  // namespace divvy::kernels::cuda
