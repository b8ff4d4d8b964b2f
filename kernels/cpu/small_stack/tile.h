#pragma once

#include <cstdint>

#include "kernels/cpu/small_stack/conv.h"
#include "kernels/cpu/small_stack/linear.h"
#include "kernels/cpu/small_stack/read.h"
#include "kernels/cpu/small_stack/unit.h"
#include "kernels/cpu/target.h"

/// The stack on the tiles of one unit: layer after layer, for a group of tiles at a time, so that what a layer gives is
/// in the cache when the next one reads it. V is Lanes<T>.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET::stack {

/// Whether sums of this layer may be infinite or not a number for inputs up to `bound`, which becomes that of its
/// results.
template <class T>
bool may_overflow(const StackLayer& layer, const T* weight, const T* bias, double& bound) {
  double most = 0;
  const int64_t depth = layer.in * layer.taps();
  for (int64_t o = 0; o < layer.out; ++o) {
    double sum = 0;
    for (int64_t i = 0; i < depth; ++i) {
      const double w = weight[o * depth + i];
      sum += w < 0 ? -w : w;
    }
    const double b = bias != nullptr ? bias[o] : 0;
    sum = sum * bound + (b < 0 ? -b : b);
    if (!(sum <= most)) most = sum;
  }
  bound = most;
  return !(most < 1e37);
}

/// The tiles of a unit, one group after the other.
template <class V>
class Stack {
 public:
  using T = typename V::Element;
  explicit Stack(const StackUnit<T>& unit) : u_(unit) {}

  void forward(T* y) {
    for (int64_t begin = 0; begin < u_.tiles; begin += kTileGroup) {
      open_group(begin);
      for (int64_t l = 0; l < u_.layer_count; ++l) {
        u_.layers[l].convolution() ? forward_convolution(l) : forward_linear(l);
      }
      const StackLayer& last = u_.layers[u_.layer_count - 1];
      for (int64_t t = 0; t < group_; ++t) {
        T* rows[V::kCount];
        const int64_t count = row_pointers(begin + t, y, last.out_size(), rows);
        V::write_rows(result(last, t), last.out_size(), count, rows);
      }
    }
  }

  void backward(const StackBackward<T>& job) {
    lay_out(job.dx != nullptr);
    for (int64_t begin = 0; begin < u_.tiles; begin += kTileGroup) {
      open_group(begin);
      read_dy(job.dy);
      for (int64_t l = u_.layer_count - 1; l >= 0; --l) {
        u_.layers[l].convolution() ? backward_convolution(l, job.dx != nullptr) : backward_linear(l, job.dx != nullptr);
      }
      if (job.dx != nullptr) write_dx(job.dx);
    }
    sum_parameters(job);
  }

  /// Elements of scratch that backward() needs.
  static int64_t lay_out_size(const StackUnit<T>& unit, bool wants_dx) {
    Stack stack(unit);
    return stack.lay_out(wants_dx);
  }

 private:
  static constexpr int64_t L = V::kCount;
  using Pixels = PixelConvolution<V>;

  void open_group(int64_t begin) {
    begin_ = begin;
    group_ = u_.tiles - begin < kTileGroup ? u_.tiles - begin : kTileGroup;
  }
  T* result(const StackLayer& layer, int64_t t) const {
    if (layer.kept) return u_.results + (begin_ + t) * u_.result_stride + layer.result_at * L;
    return u_.passing + t * u_.passing_stride + layer.result_at * L;
  }
  uint16_t* masks(const StackLayer& layer, int64_t t) const {
    return u_.masks + (begin_ + t) * u_.mask_stride + layer.mask_at;
  }
  /// What layer l reads.
  const T* source(int64_t l, int64_t t) const { return l == 0 ? u_.input[begin_ + t] : result(u_.layers[l - 1], t); }
  int64_t samples_of(int64_t tile) const { return u_.rows - tile * L < L ? u_.rows - tile * L : L; }
  /// The rows of a matrix that are in the lanes of a tile.
  template <class P>
  int64_t row_pointers(int64_t tile, P* matrix, int64_t cols, P** rows) const {
    const int64_t count = samples_of(tile);
    for (int64_t lane = 0; lane < count; ++lane) rows[lane] = matrix + (tile * L + lane) * cols;
    return count;
  }
  Planes<const T> source_planes(int64_t l, int64_t t) const {
    const StackLayer& layer = u_.layers[l];
    const int64_t row = (layer.in_cols + 2 * layer.padding) * L;
    return {source(l, t), row, (layer.in_rows + 2 * layer.padding) * row};
  }
  /// Planes of a result without its border.
  Planes<T> result_planes(const StackLayer& layer, int64_t t) const {
    const int64_t row = layer.stored_cols() * L;
    return {result(layer, t) + layer.border * (row + L), row, layer.stored_rows() * row};
  }

  void forward_convolution(int64_t l) {
    const StackLayer& layer = u_.layers[l];
    for (int64_t t = 0; t < group_; ++t) {
      if constexpr (Pixels::kAvailable) {
        if (l == 0 && u_.samples != nullptr) {
          Pixels::forward(layer, u_.samples + (begin_ + t) * L, samples_of(begin_ + t), u_.weight[l], u_.bias[l],
                          result(layer, t), masks(layer, t));
          continue;
        }
      }
      clear_border<V>(result(layer, t), layer.out, layer.out_rows, layer.out_cols, layer.border);
      const Convolution<T> s{.in = source_planes(l, t),
                             .channels = layer.in,
                             .filters = layer.out,
                             .weight = u_.weight[l],
                             .bias = u_.bias[l],
                             .rows = layer.rows,
                             .cols = layer.cols,
                             .out = result_planes(layer, t),
                             .relu = layer.relu,
                             .masks = masks(layer, t)};
      const bool careful = layer.pool && is_careful(l, begin_ + t);
      if (layer.kernel == 3) {
        convolution<V, 3>(s, layer.pool, careful);
      } else {
        convolution<V, 5>(s, layer.pool, careful);
      }
    }
  }

  bool is_careful(int64_t l, int64_t tile) const {
    double bound = u_.largest[tile];
    bool careful = false;
    for (int64_t i = 0; i <= l; ++i) careful = may_overflow(u_.layers[i], u_.weight[i], u_.bias[i], bound);
    return careful;
  }

  void forward_linear(int64_t l) {
    const StackLayer& layer = u_.layers[l];
    const T* x[kTileGroup];
    T* y[kTileGroup];
    for (int64_t t = 0; t < group_; ++t) x[t] = source(l, t), y[t] = result(layer, t);
    const T *w = u_.weight[l], *bias = u_.bias[l];
    if (layer.relu) {
      product<V, Finish::relu>(group_, x, layer.in, w, layer.in, 1, bias, layer.out, y);
    } else {
      product<V, Finish::none>(group_, x, layer.in, w, layer.in, 1, bias, layer.out, y);
    }
  }

  /// Where backward keeps what: returns the size of it all.
  int64_t lay_out(bool wants_dx) {
    int64_t at = 0;
    const auto take = [&](int64_t elements) {
      const int64_t begin = at;
      at += (elements + 15) / 16 * 16;
      return begin;
    };
    linear_features_ = conv_features_ = 0;
    int64_t sums = 0, spread = 0, flipped = 0, rows = 0;
    for (int64_t l = 0; l < u_.layer_count; ++l) {
      const StackLayer& layer = u_.layers[l];
      if (!layer.convolution()) {
        linear_features_ += layer.out;
        const int64_t in = many_outputs(layer.out, layer.in) ? (layer.in + L - 1) / L * L : 0;
        rows = rows < in ? in : rows;
        continue;
      }
      conv_features_ += layer.out_size();
      sums += layer.out * layer.in * (layer.taps() + 1);
      if (l == 0 && !wants_dx) continue;
      const int64_t border = layer.kernel - 1 - layer.padding;
      const int64_t size = layer.out * (layer.rows + 2 * border) * (layer.cols + 2 * border);
      spread = size > spread ? size : spread;
      flipped = layer.weights() > flipped ? layer.weights() : flipped;
    }
    const StackLayer& first = u_.layers[0];
    input_size_ = first.in * first.in_rows * first.in_cols;
    linear_ = take(u_.tiles * linear_features_ * L);
    conv_ = take(kTileGroup * conv_features_ * L);
    sums_ = take(sums * L);
    spread_ = take(spread * L);
    flipped_ = take(flipped);
    rows_ = take(u_.tiles * L * rows);
    masks_ = take(wants_dx && u_.samples != nullptr ? first.masks(L) : 0);
    dx_ = take(wants_dx ? kTileGroup * input_size_ * L : 0);
    for (int64_t i = 0; u_.scratch != nullptr && i < sums; ++i) V::store(u_.scratch + sums_ + i * L, V::zero());
    return at;
  }

  /// The gradient of what layer l gives, before its ReLU and pooling; of l = -1, that of the input.
  T* gradient(int64_t l, int64_t t) const {
    if (l < 0) return u_.scratch + dx_ + t * input_size_ * L;
    const StackLayer& layer = u_.layers[l];
    if (layer.convolution()) return u_.scratch + conv_ + (t * conv_features_ + layer.gradient_at) * L;
    return u_.scratch + linear_ + ((begin_ + t) * linear_features_ + layer.gradient_at) * L;
  }

  void read_dy(const T* dy) {
    const int64_t l = u_.layer_count - 1;
    const StackLayer& last = u_.layers[l];
    for (int64_t t = 0; t < group_; ++t) {
      T* to = gradient(l, t);
      const T* rows[L];
      const int64_t count = row_pointers(begin_ + t, dy, last.out_size(), rows);
      // Lanes without a sample give nothing: they repeat a row, which is then cleared.
      for (int64_t lane = count; lane < L; ++lane) rows[lane] = rows[0];
      V::read_rows(rows, last.out_size(), to);
      const T* active = result(last, t);
      for (int64_t i = 0; i < last.out_size(); ++i) {
        for (int64_t lane = count; lane < L; ++lane) to[i * L + lane] = 0;
        if (!last.relu) continue;
        V::store(to + i * L, where_active<T>(V::load(to + i * L), V::load(active + i * L)));
      }
    }
  }

  void backward_linear(int64_t l, bool wants_dx) {
    if (l == 0 && !wants_dx) return;
    const StackLayer& layer = u_.layers[l];
    const T *dy[kTileGroup], *active[kTileGroup];
    T* dx[kTileGroup];
    const bool relu = l > 0 && u_.layers[l - 1].relu;
    for (int64_t t = 0; t < group_; ++t) {
      dy[t] = gradient(l, t), dx[t] = gradient(l - 1, t), active[t] = relu ? result(u_.layers[l - 1], t) : nullptr;
    }
    const T *w = u_.weight[l], *no_bias = nullptr;
    if (relu) {
      product<V, Finish::where_active>(group_, dy, layer.out, w, 1, layer.in, no_bias, layer.in, dx, active);
    } else {
      product<V, Finish::none>(group_, dy, layer.out, w, 1, layer.in, no_bias, layer.in, dx);
    }
  }

  void backward_convolution(int64_t l, bool wants_dx) {
    const StackLayer& layer = u_.layers[l];
    const int64_t taps = layer.taps();
    T* sums = u_.scratch + sums_;
    for (int64_t i = 0; i < l; ++i) sums += u_.layers[i].out * u_.layers[i].in * (u_.layers[i].taps() + 1) * L;
    for (int64_t t = 0; t < group_; ++t) {
      const T* dy = gradient(l, t);
      const uint16_t* chosen = masks(layer, t);
      if constexpr (Pixels::kAvailable) {
        if (l == 0 && u_.samples != nullptr) {
          const int64_t count = samples_of(begin_ + t);
          Pixels::weight_gradient(layer, u_.samples + (begin_ + t) * L, count, dy, chosen, sums);
          if (!wants_dx) continue;
          auto* by_value = reinterpret_cast<uint16_t*>(u_.scratch + masks_);
          Pixels::transpose_masks(layer, count, chosen, by_value);
          input_gradient(l, t, by_value);
          continue;
        }
      }
      const Planes<const T> in = source_planes(l, t);
      for (int64_t f = 0; f < layer.out; ++f) {
        const int64_t from = f * layer.out_rows * layer.out_cols;
        for (int64_t c = 0; c < layer.in; ++c) {
          T* to = sums + (f * layer.in + c) * (taps + 1) * L;
          const Planes<const T> plane{in.data + c * in.plane, in.row, in.plane};
          const T* dy_plane = dy + from * L;
          const uint16_t* chosen_plane = chosen + 2 * from;
          const int64_t rows = layer.out_rows, cols = layer.out_cols;
          if (layer.kernel == 3) {
            layer.pool ? weight_gradient<V, 3, true>(plane, dy_plane, chosen_plane, rows, cols, to)
                       : weight_gradient<V, 3, false>(plane, dy_plane, chosen_plane, rows, cols, to);
          } else {
            layer.pool ? weight_gradient<V, 5, true>(plane, dy_plane, chosen_plane, rows, cols, to)
                       : weight_gradient<V, 5, false>(plane, dy_plane, chosen_plane, rows, cols, to);
          }
        }
      }
      if (l > 0 || wants_dx) input_gradient(l, t, chosen);
    }
  }

  /// The gradient of a convolution's input is a convolution of the gradient with the flipped filters.
  void input_gradient(int64_t l, int64_t t, const uint16_t* chosen) {
    const StackLayer& layer = u_.layers[l];
    const int64_t taps = layer.taps(), border = layer.kernel - 1 - layer.padding;
    T *flipped = u_.scratch + flipped_, *around = u_.scratch + spread_;
    for (int64_t f = 0; f < layer.out; ++f) {
      for (int64_t c = 0; c < layer.in; ++c) {
        for (int64_t i = 0; i < taps; ++i) {
          flipped[(c * layer.out + f) * taps + taps - 1 - i] = u_.weight[l][(f * layer.in + c) * taps + i];
        }
      }
    }
    spread<V>(layer, static_cast<const T*>(gradient(l, t)), chosen, border, around);
    const int64_t row = (layer.cols + 2 * border) * L, out_row = layer.in_cols * L;
    Convolution<T> s{.in = {around, row, (layer.rows + 2 * border) * row},
                     .channels = layer.out,
                     .filters = layer.in,
                     .weight = flipped,
                     .bias = nullptr,
                     .rows = layer.in_rows,
                     .cols = layer.in_cols,
                     .out = {gradient(l - 1, t), out_row, layer.in_rows * out_row}};
    if (l > 0 && u_.layers[l - 1].relu) {
      const Planes<T> active = result_planes(u_.layers[l - 1], t);
      s.active = {active.data, active.row, active.plane};
    }
    if (layer.kernel == 3) {
      convolution<V, 3>(s, false, false);
    } else {
      convolution<V, 5>(s, false, false);
    }
  }

  void write_dx(T* dx) const {
    for (int64_t t = 0; t < group_; ++t) {
      T* rows[L];
      const int64_t count = row_pointers(begin_ + t, dx, input_size_, rows);
      V::write_rows(gradient(-1, t), input_size_, count, rows);
    }
  }

  /// The sums over all tiles and lanes.
  void sum_parameters(const StackBackward<T>& job) {
    const T* sums = u_.scratch + sums_;
    open_group(0);
    for (int64_t l = 0; l < u_.layer_count; ++l) {
      const StackLayer& layer = u_.layers[l];
      T *dw = job.dweight[l], *db = job.dbias[l];
      if (layer.convolution()) {
        const int64_t taps = layer.taps();
        for (int64_t f = 0; f < layer.out; ++f) {
          for (int64_t c = 0; c < layer.in; ++c, sums += (taps + 1) * L) {
            for (int64_t i = 0; dw != nullptr && i < taps; ++i) *dw++ = V::sum(V::load(sums + i * L));
            if (db != nullptr && c == 0) db[f] = V::sum(V::load(sums + taps * L));
          }
        }
        continue;
      }
      const T *dy[kUnitTiles], *x[kUnitTiles];
      for (int64_t t = 0; t < u_.tiles; ++t) dy[t] = gradient(l, t), x[t] = source(l, t);
      if (dw == nullptr) {
        // not wanted
      } else if (many_outputs(layer.out, layer.in)) {
        outer_rows<V>(u_.rows, dy, layer.out, x, layer.in, u_.scratch + rows_, dw);
      } else {
        outer<V>(u_.tiles, dy, layer.out, x, layer.in, dw);
      }
      if (db != nullptr) sum_samples<V>(u_.tiles, dy, layer.out, db);
    }
  }

  const StackUnit<T>& u_;
  int64_t begin_ = 0, group_ = 0;
  int64_t linear_features_ = 0, conv_features_ = 0, input_size_ = 0;
  int64_t linear_ = 0, conv_ = 0, sums_ = 0, spread_ = 0, flipped_ = 0, rows_ = 0, masks_ = 0, dx_ = 0;
};

/// The functions for V.
template <class V>
constexpr StackCode<typename V::Element> code() {
  using T = typename V::Element;
  return {.lanes = V::kCount,
          .read = [](const T* const* rows, int64_t count, int64_t channels, int64_t height, int64_t width,
                     int64_t border, T* scratch,
                     T* tile) { return read_tile<V>(rows, count, channels, height, width, border, scratch, tile); },
          .reads_samples = [](const StackLayer& first) -> bool {
            if constexpr (PixelConvolution<V>::kAvailable) return PixelConvolution<V>::fits(first);
            return false;
          },
          .forward = [](const StackForward<T>& job) { Stack<V>(job.unit).forward(job.y); },
          .backward = [](const StackBackward<T>& job) { Stack<V>(job.unit).backward(job); },
          .backward_scratch = [](const StackUnit<T>& unit,
                                 bool wants_dx) { return Stack<V>::lay_out_size(unit, wants_dx); }};
}

}  // namespace divvy::kernels::DIVVY_TARGET::stack
DIVVY_TARGET_END;
