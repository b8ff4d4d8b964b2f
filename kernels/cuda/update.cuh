#pragma once

#include <cuda_runtime.h>

#include <algorithm>
#include <array>

#include "kernels/cuda/elementwise.cuh"
#include "kernels/update_control.h"
#include "tensor/tensor.h"

/// The pass that the optimizers share: every element of a parameter with its gradient and its states, read and written
/// once.
namespace divvy::kernels::cuda {

/// Which experts of a stacked parameter are updated: those with rows[e] > 0, or all where `rows` is null.
struct ActiveExperts {
  const int64_t* rows;
  int64_t elements;  ///< of an expert
  __device__ bool contain(int64_t i) const { return rows == nullptr || rows[quotient(i, elements)] > 0; }
};

/// An UpdateControl's memory.
struct Control {
  const double* factors;
  const int64_t* failed;  ///< or null
};

template <class T, int K>
struct StatesOf {
  T* of[K == 0 ? 1 : K];
};

template <int N, class F, class T>
__device__ void update_pack(int64_t at, const F& f, const T* gradient, T* parameter,
                            const StatesOf<T, F::kStates>& states) {
  constexpr int K = F::kStates;
  const Vector<T, N> g = load<N>(gradient + at);
  Vector<T, N> value = load<N>(parameter + at), own[K == 0 ? 1 : K];
#pragma unroll
  for (int k = 0; k < K; ++k) own[k] = load<N>(states.of[k] + at);
#pragma unroll
  for (int j = 0; j < N; ++j) {
    T of_element[K == 0 ? 1 : K];
#pragma unroll
    for (int k = 0; k < K; ++k) of_element[k] = own[k].v[j];
    value.v[j] = f(g.v[j], value.v[j], of_element);
#pragma unroll
    for (int k = 0; k < K; ++k) own[k].v[j] = of_element[k];
  }
  store<N>(parameter + at, value);
#pragma unroll
  for (int k = 0; k < K; ++k) store<N>(states.of[k] + at, own[k]);
}

template <int N, class F, class T>
__global__ void __launch_bounds__(kThreads)
    update_kernel(int64_t count, F f, ActiveExperts active, Control control, const T* gradient, T* parameter,
                  StatesOf<T, F::kStates> states) {
  if (control.failed != nullptr && *control.failed != 0) return;
  f.take(control.factors);
  const int64_t packs = count / N, step = gridDim.x * int64_t{kThreads};
  const int64_t own = blockIdx.x * int64_t{kThreads} + threadIdx.x;
#pragma unroll 1
  for (int64_t p = own; p < packs; p += step) {
    if (active.contain(p * N)) update_pack<N>(p * N, f, gradient, parameter, states);
  }
  const int64_t i = packs * N + own;
  if (i < count && active.contain(i)) update_pack<1>(i, f, gradient, parameter, states);
}

/// value = f(gradient, value, states) for each element of the parameter, where f changes the F::kStates states in
/// place. `rows` and `control` as in the optimizers' updates; f.take(factors) takes the numbers of a step from memory.
template <class T, class F>
void update_each(const F& f, const Tensor& gradient, const Tensor& rows, const UpdateControl& given, Tensor& parameter,
                 const std::array<Tensor*, F::kStates>& states) {
  const int64_t count = parameter.numel();
  if (count == 0) return;
  constexpr int N = kPerAccess<T>;
  const ActiveExperts active{rows.defined() ? rows.data<int64_t>() : nullptr,
                             rows.defined() ? count / rows.numel() : count};
  const Control control{given.factors.data<double>(), given.failed.defined() ? given.failed.data<int64_t>() : nullptr};
  const T* g = gradient.data<T>();
  T* value = parameter.mutable_data<T>();
  StatesOf<T, F::kStates> own{};
  bool together = aligned<N>(g) && aligned<N>(value) && (!rows.defined() || active.elements % N == 0);
  for (size_t k = 0; k < states.size(); ++k) {
    own.of[k] = states[k]->template mutable_data<T>();
    together = together && aligned<N>(own.of[k]);
  }
  const Device device = parameter.device();
  if (together) {
    launch({device, blocks_for(device, count / N), kThreads}, update_kernel<N, F, T>, count, f, active, control, g,
           value, own);
  } else {
    launch({device, blocks_for(device, count), kThreads}, update_kernel<1, F, T>, count, f, active, control, g, value,
           own);
  }
}

}  // namespace divvy::kernels::cuda
