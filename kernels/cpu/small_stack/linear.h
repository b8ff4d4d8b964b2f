#pragma once

#include <cstdint>

#include "kernels/cpu/simd/epilogue.h"
#include "kernels/cpu/small_stack/unit.h"

/// Products with the samples in the lanes: a weight, the same for all lanes, times a vector of values. V is
/// Lanes<T>.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::stack {

/// y[t][o] = bias[o] + sum_i w(o, i) x[t][i], finished, for `Outputs` features from `first` on; w(o, i) is
/// w[o * w_out + i * w_in].
template <class V, int Outputs, int Tiles, Finish finish, class T>
void product_block(const T* const* x, int64_t depth, const T* w, int64_t w_out, int64_t w_in, const T* bias,
                   int64_t first, T* const* y, const T* const* active) {
  using Vec = typename V::Vec;
  Vec sum[Outputs][Tiles];
  const T* weight[Outputs];
#pragma GCC unroll 8
  for (int o = 0; o < Outputs; ++o) {
    weight[o] = w + (first + o) * w_out;
    const Vec start = bias != nullptr ? V::all(bias[first + o]) : V::zero();
#pragma GCC unroll 4
    for (int t = 0; t < Tiles; ++t) sum[o][t] = start;
  }
  const T* from[Tiles];
#pragma GCC unroll 4
  for (int t = 0; t < Tiles; ++t) from[t] = x[t];
  for (int64_t i = 0; i < depth; ++i) {
    Vec value[Tiles];
#pragma GCC unroll 4
    for (int t = 0; t < Tiles; ++t) value[t] = V::load(from[t] + i * V::kCount);
#pragma GCC unroll 8
    for (int o = 0; o < Outputs; ++o) {
      const Vec factor = V::all(weight[o][i * w_in]);
#pragma GCC unroll 4
      for (int t = 0; t < Tiles; ++t) sum[o][t] = V::fma(factor, value[t], sum[o][t]);
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < Outputs; ++o) {
    const int64_t at = (first + o) * V::kCount;
#pragma GCC unroll 4
    for (int t = 0; t < Tiles; ++t) {
      V::store(y[t] + at, finished<finish, T>(sum[o][t], [=] { return V::load(active[t] + at); }));
    }
  }
}

template <class V, int Tiles, Finish finish, class T>
void product_tiles(const T* const* x, int64_t depth, const T* w, int64_t w_out, int64_t w_in, const T* bias,
                   int64_t outputs, T* const* y, const T* const* active) {
  for (int64_t o = 0; o < outputs;) {
    // As equal blocks as possible: a narrow one at the end would wait for its own sums.
    const int64_t blocks = (outputs - o + V::kOutputs - 1) / V::kOutputs, size = (outputs - o + blocks - 1) / blocks;
    const auto run = [&]<int Outputs>() {
      if constexpr (Outputs <= V::kOutputs) {
        product_block<V, Outputs, Tiles, finish>(x, depth, w, w_out, w_in, bias, o, y, active);
      }
    };
    switch (size) {
      case 1: run.template operator()<1>(); break;
      case 2: run.template operator()<2>(); break;
      case 3: run.template operator()<3>(); break;
      case 4: run.template operator()<4>(); break;
      case 5: run.template operator()<5>(); break;
      default: run.template operator()<6>();
    }
    o += size;
  }
}

/// y[t] = bias + W x[t] for `tiles` tiles; see product_block.
template <class V, Finish finish, class T>
void product(int64_t tiles, const T* const* x, int64_t depth, const T* w, int64_t w_out, int64_t w_in, const T* bias,
             int64_t outputs, T* const* y, const T* const* active = nullptr) {
  int64_t t = 0;
  const auto next = [&]<int Tiles>() {
    if constexpr (Tiles <= V::kTiles) {
      for (; t + Tiles <= tiles; t += Tiles) {
        product_tiles<V, Tiles, finish>(x + t, depth, w, w_out, w_in, bias, outputs, y + t,
                                        active != nullptr ? active + t : nullptr);
      }
    }
  };
  next.template operator()<4>();
  next.template operator()<3>();
  next.template operator()<2>();
  next.template operator()<1>();
}

/// dw[o * pitch + i] = the sum over tiles and lanes of dy[t][o] x[t][i], for Left x Right of them.
template <class V, int Left, int Right, class T>
void outer_block(int64_t tiles, const T* const* dy, const T* const* x, int64_t o0, int64_t i0, T* dw, int64_t pitch) {
  using Vec = typename V::Vec;
  Vec sum[Left][4];
#pragma GCC unroll 8
  for (int o = 0; o < Left; ++o) {
#pragma GCC unroll 4
    for (int i = 0; i < 4; ++i) sum[o][i] = V::zero();
  }
  for (int64_t t = 0; t < tiles; ++t) {
    const T *left = dy[t] + o0 * V::kCount, *right = x[t] + i0 * V::kCount;
    Vec value[Right];
#pragma GCC unroll 4
    for (int i = 0; i < Right; ++i) value[i] = V::load(right + i * V::kCount);
#pragma GCC unroll 8
    for (int o = 0; o < Left; ++o) {
      const Vec factor = V::load(left + o * V::kCount);
#pragma GCC unroll 4
      for (int i = 0; i < Right; ++i) sum[o][i] = V::fma(factor, value[i], sum[o][i]);
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < Left; ++o) {
    T* to = dw + (o0 + o) * pitch + i0;
    if constexpr (Right == 4) {
      V::sum4(sum[o], to);
    } else {
#pragma GCC unroll 4
      for (int i = 0; i < Right; ++i) to[i] = V::sum(sum[o][i]);
    }
  }
}

template <class V, int Right, class T>
void outer_columns(int64_t tiles, const T* const* dy, const T* const* x, int64_t begin, int64_t end, int64_t i0, T* dw,
                   int64_t pitch) {
  for (int64_t o = begin; o < end;) {
    const int64_t blocks = (end - o + V::kLeft - 1) / V::kLeft, size = (end - o + blocks - 1) / blocks;
    const auto run = [&]<int Left>() {
      if constexpr (Left <= V::kLeft) outer_block<V, Left, Right>(tiles, dy, x, o, i0, dw, pitch);
    };
    switch (size) {
      case 1: run.template operator()<1>(); break;
      case 2: run.template operator()<2>(); break;
      case 3: run.template operator()<3>(); break;
      case 4: run.template operator()<4>(); break;
      case 5: run.template operator()<5>(); break;
      default: run.template operator()<6>();
    }
    o += size;
  }
}

/// dw[o, i] = the sum over all samples of dy[o] x[i].
template <class V, class T>
void outer(int64_t tiles, const T* const* dy, int64_t outputs, const T* const* x, int64_t inputs, T* dw) {
  // Panels whose features, of eight tiles, stay in the nearest cache.
  constexpr int64_t kPanelInputs = 32, kPanelOutputs = 24;
  for (int64_t i0 = 0; i0 < inputs; i0 += kPanelInputs) {
    const int64_t last = i0 + kPanelInputs < inputs ? i0 + kPanelInputs : inputs;
    for (int64_t o = 0; o < outputs; o += kPanelOutputs) {
      const int64_t end = o + kPanelOutputs < outputs ? o + kPanelOutputs : outputs;
      int64_t i = i0;
      for (; i + 4 <= last; i += 4) outer_columns<V, 4>(tiles, dy, x, o, end, i, dw, inputs);
      if (i + 2 <= last) {
        outer_columns<V, 2>(tiles, dy, x, o, end, i, dw, inputs);
        i += 2;
      }
      if (i < last) outer_columns<V, 1>(tiles, dy, x, o, end, i, dw, inputs);
    }
  }
}

/// dbias[o] = the sum over all samples of dy[o].
template <class V, class T>
void sum_samples(int64_t tiles, const T* const* dy, int64_t outputs, T* dbias) {
  for (int64_t o = 0; o < outputs; ++o) {
    typename V::Vec sum = V::zero();
    for (int64_t t = 0; t < tiles; ++t) sum = V::add(sum, V::load(dy[t] + o * V::kCount));
    dbias[o] = V::sum(sum);
  }
}

/// dw[o, i] = the sum over `rows` samples of dy[o] x[i] for Left x Right vectors of them, with neighboring features in
/// the lanes: x is [rows, pitch], row after row.
template <class V, int Left, int Right, class T>
void outer_rows_block(int64_t rows, const T* const* dy, const T* x, int64_t pitch, int64_t o0, int64_t i0, T* dw,
                      int64_t inputs) {
  using Vec = typename V::Vec;
  Vec sum[Left][Right];
#pragma GCC unroll 8
  for (int o = 0; o < Left; ++o) {
#pragma GCC unroll 4
    for (int i = 0; i < Right; ++i) sum[o][i] = V::zero();
  }
  for (int64_t row = 0; row < rows; row += V::kCount) {
    const T *left = dy[row / V::kCount] + o0 * V::kCount, *right = x + row * pitch + i0;
    const int64_t lanes = rows - row < V::kCount ? rows - row : V::kCount;
    for (int64_t lane = 0; lane < lanes; ++lane, ++left, right += pitch) {
      Vec value[Right];
#pragma GCC unroll 4
      for (int i = 0; i < Right; ++i) value[i] = V::load(right + i * V::kCount);
#pragma GCC unroll 8
      for (int o = 0; o < Left; ++o) {
        const Vec factor = V::all(left[o * V::kCount]);
#pragma GCC unroll 4
        for (int i = 0; i < Right; ++i) sum[o][i] = V::fma(factor, value[i], sum[o][i]);
      }
    }
  }
#pragma GCC unroll 8
  for (int o = 0; o < Left; ++o) {
    T* to = dw + (o0 + o) * inputs + i0;
#pragma GCC unroll 4
    for (int i = 0; i < Right; ++i) {
      const int64_t left = inputs - i0 - i * V::kCount;
      if (left >= V::kCount) {
        V::store(to + i * V::kCount, sum[o][i]);
      } else {
        T part[V::kCount];
        V::store(part, sum[o][i]);
        for (int64_t n = 0; n < left; ++n) to[i * V::kCount + n] = part[n];
      }
    }
  }
}

/// The same as outer(), for layers with many weights: nothing is left to be summed over lanes, but the features have to
/// be transposed back, into `space` of rows * the inputs in whole vectors.
template <class V, class T>
void outer_rows(int64_t rows, const T* const* dy, int64_t outputs, const T* const* x, int64_t inputs, T* space, T* dw) {
  const int64_t vectors = (inputs + V::kCount - 1) / V::kCount, pitch = vectors * V::kCount;
  for (int64_t row = 0; row < rows; row += V::kCount) {
    T* to[V::kCount];
    for (int64_t lane = 0; lane < V::kCount; ++lane) to[lane] = space + (row + lane) * pitch;
    V::write_rows(x[row / V::kCount], inputs, rows - row < V::kCount ? rows - row : V::kCount, to);
  }
  const auto columns = [&]<int Right>(int64_t i0) {
    for (int64_t o = 0; o < outputs;) {
      const int64_t blocks = (outputs - o + V::kLeft - 1) / V::kLeft, size = (outputs - o + blocks - 1) / blocks;
      const auto run = [&]<int Left>() {
        if constexpr (Left <= V::kLeft) outer_rows_block<V, Left, Right>(rows, dy, space, pitch, o, i0, dw, inputs);
      };
      switch (size) {
        case 1: run.template operator()<1>(); break;
        case 2: run.template operator()<2>(); break;
        case 3: run.template operator()<3>(); break;
        case 4: run.template operator()<4>(); break;
        case 5: run.template operator()<5>(); break;
        default: run.template operator()<6>();
      }
      o += size;
    }
  };
  for (int64_t v = 0; v < vectors;) {
    const int64_t blocks = (vectors - v + 3) / 4, size = (vectors - v + blocks - 1) / blocks, i0 = v * V::kCount;
    switch (size) {
      case 1: columns.template operator()<1>(i0); break;
      case 2: columns.template operator()<2>(i0); break;
      case 3: columns.template operator()<3>(i0); break;
      default: columns.template operator()<4>(i0);
    }
    v += size;
  }
}

/// Whether outer_rows() pays: enough weights for each feature that it transposes.
constexpr bool many_outputs(int64_t outputs, int64_t inputs) { return outputs >= 16 && inputs >= 32; }

}  // namespace divvy::kernels::DIVVY_TARGET::stack
DIVVY_TARGET_END;
