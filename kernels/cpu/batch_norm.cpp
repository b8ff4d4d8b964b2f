#include "kernels/batch_norm.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>
#include <type_traits>

#include "kernels/cpu/product/row_panels.h"
#include "kernels/cpu/target.h"
#include "kernels/cpu/wide.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

/// Sums are kept for each of kLanes neighboring elements of a channel. Channels of fewer elements share the lanes;
/// of larger ones, kTogether are gone through in turns, so that the memory is read in longer runs.
constexpr int64_t kLanes = 16, kTogether = 4;
template <class T>
using Lanes = std::array<T, kLanes * kTogether>;

/// Some neighboring channels of the rows of one expert. In a row they are one run of contiguous elements.
struct ChannelBlock {
  RowPanel panel;
  int64_t channels, spatial;  ///< of x: C and H * W
  int64_t first, count;       ///< the channels of the block

  /// How many channels a block has, of `all` channels of all experts: few enough to leave work for every core.
  static int64_t together(int64_t spatial, int64_t all) {
    if (spatial < kLanes) return kLanes / std::max<int64_t>(1, spatial);
    return all >= 16 * kTogether ? kTogether : 1;
  }

  int64_t values() const { return panel.rows() * spatial; }  ///< of one channel
  int64_t parameter(int64_t c) const { return panel.expert * channels + first + c; }
  /// The lanes of channel c of the block.
  int64_t begin_lane(int64_t c) const { return c * std::min(spatial, kLanes); }
  int64_t end_lane(int64_t c) const { return begin_lane(c + 1); }

  /// Calls f(element of x, lane) for every element; the inner loop has a fixed length, for the vector unit.
  template <class F>
  void for_each(const F& f) const {
    // Small channels are one run of at most kLanes elements.
    const int64_t runs = spatial >= kLanes ? count : 1, length = spatial >= kLanes ? spatial : count * spatial;
    for (int64_t row = panel.begin; row < panel.end; ++row) {
      int64_t begin = (row * channels + first) * spatial;
      for (int64_t run = 0; run < runs; ++run, begin += length) {
        const int64_t lanes = run * kLanes;
        int64_t j = 0;
        for (; j + kLanes <= length; j += kLanes) {
          for (int64_t lane = 0; lane < kLanes; ++lane) f(begin + j + lane, static_cast<size_t>(lanes + lane));
        }
        for (int64_t lane = 0; j + lane < length; ++lane) f(begin + j + lane, static_cast<size_t>(lanes + lane));
      }
    }
  }

  /// The sum of the lanes of channel c.
  double sum(const Lanes<double>& lanes, int64_t c) const {
    double total = 0;
    for (int64_t lane = begin_lane(c); lane < end_lane(c); ++lane) total += lanes[static_cast<size_t>(lane)];
    return total;
  }
  template <class T>
  void set(Lanes<T>& lanes, int64_t c, double value) const {
    std::fill(lanes.begin() + begin_lane(c), lanes.begin() + end_lane(c), static_cast<T>(value));
  }
};

/// Calls body(block) for blocks that cover every channel of every expert, in parallel.
template <class Body>
void for_blocks(const Tensor& x, const Segments& segments, const Body& body) {
  const int64_t channels = x.size(1), spatial = x.rank() == 4 ? x.size(2) * x.size(3) : 1;
  const std::vector<RowPanel> experts = expert_rows(segments, x.size(0));
  const int64_t together = ChannelBlock::together(spatial, channels * static_cast<int64_t>(experts.size()));
  const int64_t blocks = (channels + together - 1) / together;
  const int64_t units = static_cast<int64_t>(experts.size()) * blocks;
  const int64_t elements = x.numel() / std::max<int64_t>(1, units);
  parallel_tiles(units, std::max<int64_t>(1, 16384 / std::max<int64_t>(1, elements)), [&](int64_t begin, int64_t end) {
    for (int64_t unit = begin; unit < end; ++unit) {
      const int64_t first = unit % blocks * together;
      body(ChannelBlock{experts[static_cast<size_t>(unit / blocks)], channels, spatial, first,
                        std::min(together, channels - first)});
    }
  });
}

bool uses_batch_statistics(const ChannelBlock& block, bool training) { return training && block.values() > 1; }

/// The mean of each channel and the sum of the squared distances from it, in two passes and in double.
template <class T>
struct Moments {
  Lanes<double> mean{}, squares{};

  Moments(const ChannelBlock& block, const T* x) {
    Lanes<double> sums{};
    block.for_each([&](int64_t i, size_t lane) { sums[lane] += static_cast<double>(x[i]); });
    for (int64_t c = 0; c < block.count; ++c) {
      block.set(mean, c, block.sum(sums, c) / static_cast<double>(block.values()));
    }
    block.for_each([&](int64_t i, size_t lane) {
      const double distance = static_cast<double>(x[i]) - mean[lane];
      squares[lane] += distance * distance;
    });
  }
};

/// Mean and mean squared distance of channel c, where the sums of double are infinite.
struct WideMoments {
  Wide<double> mean = 0, variance = 0;

  template <class T>
  WideMoments(const ChannelBlock& block, const T* x, int64_t c) {
    const auto n = static_cast<Wide<double>>(block.values());
    const auto begin = static_cast<size_t>(block.begin_lane(c)), end = static_cast<size_t>(block.end_lane(c));
    block.for_each([&](int64_t i, size_t lane) {
      if (lane >= begin && lane < end) mean += static_cast<Wide<double>>(x[i]) / n;
    });
    block.for_each([&](int64_t i, size_t lane) {
      const Wide<double> distance = static_cast<Wide<double>>(x[i]) - mean;
      if (lane >= begin && lane < end) variance += distance * distance / n;
    });
  }
};

/// Whether the products of a channel's normalization stay within the range of T. NaN do not.
template <class T>
bool is_plain(double mean, double inverse) {
  constexpr double kFar = std::is_same_v<T, float> ? 1e31 : 1e153;
  return std::abs(mean) < kFar && inverse > 1 / kFar;
}

template <class T>
bool is_plain(const ChannelBlock& block, const double* mean, const double* inverse) {
  for (int64_t c = 0; c < block.count; ++c) {
    if (!is_plain<T>(mean[block.parameter(c)], inverse[block.parameter(c)])) return false;
  }
  return true;
}

/// The gradients where some are not plain, of one block: dx = gamma inverse (dy - (sum dy + z sum dy z) / n).
template <class T>
void wide_gradients(const ChannelBlock& block, const T* x, const T* gamma, const T* dy, const BatchNormResult& saved,
                    bool batch, T* dgamma, T* dx) {
  const double *means = saved.mean.data<double>(), *inverses = saved.inverse_std.data<double>();
  Lanes<Wide<T>> mean{}, inverse{}, factor{}, sums{}, products{};
  for (int64_t c = 0; c < block.count; ++c) {
    const int64_t p = block.parameter(c);
    block.set(mean, c, means[p]);
    block.set(inverse, c, inverses[p]);
    block.set(factor, c, static_cast<double>(gamma[p]));
  }
  const auto z = [&](int64_t i, size_t lane) { return (static_cast<Wide<T>>(x[i]) - mean[lane]) * inverse[lane]; };
  block.for_each([&](int64_t i, size_t lane) {
    sums[lane] += static_cast<Wide<T>>(dy[i]);
    products[lane] += static_cast<Wide<T>>(dy[i]) * z(i, lane);
  });
  for (int64_t c = 0; c < block.count; ++c) {
    const auto begin = static_cast<size_t>(block.begin_lane(c)), end = static_cast<size_t>(block.end_lane(c));
    const auto own = std::accumulate(sums.begin() + begin, sums.begin() + end, Wide<T>{0});
    const auto along = std::accumulate(products.begin() + begin, products.begin() + end, Wide<T>{0});
    if (dgamma != nullptr) dgamma[block.parameter(c)] = static_cast<T>(along);
    const auto share = (batch ? Wide<T>{1} : Wide<T>{0}) / static_cast<Wide<T>>(block.values());
    std::fill(sums.begin() + begin, sums.begin() + end, own * share);
    std::fill(products.begin() + begin, products.begin() + end, along * share);
  }
  if (dx == nullptr) return;
  block.for_each([&](int64_t i, size_t lane) {
    const Wide<T> rest = static_cast<Wide<T>>(dy[i]) - (sums[lane] + z(i, lane) * products[lane]);
    dx[i] = static_cast<T>(factor[lane] * inverse[lane] * rest);
  });
}

template <class T>
T blend(T old, double value, double momentum) {
  return static_cast<T>((1 - momentum) * static_cast<double>(old) + momentum * value);
}

}  // namespace

void batch_norm(const Tensor& x, const Tensor& gamma, const Tensor& beta, BatchNormStatistics& running,
                const BatchNormOptions& options, const Segments& segments, BatchNormResult& result) {
  visit_floating("batch_norm", x.dtype(), [&]<class T>() {
    const T *in = x.data<T>(), *factor = gamma.data<T>(), *offset = beta.data<T>();
    // Evaluation only reads the running statistics, and must not mark them as changed.
    const T *old_mean = running.mean.data<T>(), *old_var = running.var.data<T>();
    T* new_mean = options.training ? running.mean.mutable_data<T>() : nullptr;
    T* new_var = options.training ? running.var.mutable_data<T>() : nullptr;
    T* out = result.y.mutable_data<T>();
    double *used_mean = result.mean.mutable_data<double>(), *used_inverse = result.inverse_std.mutable_data<double>();
    for_blocks(x, segments, [&](const ChannelBlock& block) {
      for (int64_t c = 0; c < block.count; ++c) {
        const int64_t p = block.parameter(c);
        used_mean[p] = static_cast<double>(old_mean[p]);
        used_inverse[p] = 1 / std::sqrt(static_cast<double>(old_var[p]) + options.eps);
      }
      if (uses_batch_statistics(block, options.training)) {
        const Moments<T> moments(block, in);
        const auto n = static_cast<double>(block.values());
        for (int64_t c = 0; c < block.count; ++c) {
          const int64_t p = block.parameter(c);
          double mean = moments.mean[static_cast<size_t>(block.begin_lane(c))];
          const double squares = block.sum(moments.squares, c);
          double unbiased = squares / (n - 1), inverse = 1 / std::sqrt(squares / n + options.eps);
          if (!std::isfinite(squares)) {
            const WideMoments wide(block, in, c);
            mean = static_cast<double>(wide.mean);
            unbiased = static_cast<double>(wide.variance * (n / (n - 1)));
            inverse = static_cast<double>(1 / std::sqrt(wide.variance + static_cast<Wide<double>>(options.eps)));
          }
          used_mean[p] = mean;
          used_inverse[p] = inverse;
          new_mean[p] = blend(old_mean[p], mean, options.momentum);
          new_var[p] = blend(old_var[p], unbiased, options.momentum);
        }
      }
      if (!is_plain<T>(block, used_mean, used_inverse)) {
        Lanes<Wide<T>> mean{}, scale{}, shift{};
        for (int64_t c = 0; c < block.count; ++c) {
          const int64_t p = block.parameter(c);
          block.set(mean, c, used_mean[p]);
          block.set(scale, c, static_cast<double>(factor[p]) * used_inverse[p]);
          block.set(shift, c, static_cast<double>(offset[p]));
        }
        block.for_each([&](int64_t i, size_t lane) {
          out[i] = static_cast<T>((static_cast<Wide<T>>(in[i]) - mean[lane]) * scale[lane] + shift[lane]);
        });
        return;
      }
      // y = (x - mean) scale + shift; the shift makes up for the rounding of the mean to T.
      Lanes<T> mean{}, scale{}, shift{};
      for (int64_t c = 0; c < block.count; ++c) {
        const int64_t p = block.parameter(c);
        const double s = static_cast<double>(factor[p]) * used_inverse[p];
        const double lost = static_cast<double>(static_cast<T>(used_mean[p])) - used_mean[p];
        block.set(mean, c, used_mean[p]);
        block.set(scale, c, s);
        block.set(shift, c, static_cast<double>(offset[p]) + lost * s);
      }
      block.for_each([&](int64_t i, size_t lane) { out[i] = (in[i] - mean[lane]) * scale[lane] + shift[lane]; });
    });
  });
}

void batch_norm_backward(const Tensor& x, const Tensor& gamma, const BatchNormResult& saved, const Tensor& dy,
                         bool training, const Segments& segments, BatchNormGradients& gradients) {
  visit_floating("batch_norm_backward", x.dtype(), [&]<class T>() {
    const T *in = x.data<T>(), *factor = gamma.data<T>(), *upstream = dy.data<T>();
    const double *means = saved.mean.data<double>(), *inverses = saved.inverse_std.data<double>();
    T* dx = gradients.dx.defined() ? gradients.dx.mutable_data<T>() : nullptr;
    T* dgamma = gradients.dgamma.defined() ? gradients.dgamma.mutable_data<T>() : nullptr;
    T* dbeta = gradients.dbeta.defined() ? gradients.dbeta.mutable_data<T>() : nullptr;
    for_blocks(x, segments, [&](const ChannelBlock& block) {
      Lanes<double> mean{}, sums{}, products{};
      for (int64_t c = 0; c < block.count; ++c) block.set(mean, c, means[block.parameter(c)]);
      block.for_each([&](int64_t i, size_t lane) {
        const auto u = static_cast<double>(upstream[i]);
        sums[lane] += u;
        products[lane] += u * (static_cast<double>(in[i]) - mean[lane]);
      });
      const bool batch = uses_batch_statistics(block, training);
      // dx = dy scale + (x - mean) slope + shift, with the mean rounded to T as in the forward pass.
      Lanes<T> rounded{}, scale{}, slope{}, shift{};
      for (int64_t c = 0; c < block.count; ++c) {
        const int64_t p = block.parameter(c);
        const double sum = block.sum(sums, c), product = block.sum(products, c), inverse = inverses[p];
        if (dbeta != nullptr) dbeta[p] = static_cast<T>(sum);
        if (dgamma != nullptr) dgamma[p] = static_cast<T>(product * inverse);
        const double s = static_cast<double>(factor[p]) * inverse;
        block.set(rounded, c, means[p]);
        block.set(scale, c, s);
        if (!batch) continue;
        const auto n = static_cast<double>(block.values());
        const double k = -s * inverse * inverse * product / n;
        const double lost = static_cast<double>(static_cast<T>(means[p])) - means[p];
        block.set(slope, c, k);
        block.set(shift, c, lost * k - s * sum / n);
      }
      if (!is_plain<T>(block, means, inverses)) {
        return wide_gradients(block, in, factor, upstream, saved, batch, dgamma, dx);
      }
      if (dx == nullptr) return;
      block.for_each([&](int64_t i, size_t lane) {
        dx[i] = upstream[i] * scale[lane] + ((in[i] - rounded[lane]) * slope[lane] + shift[lane]);
      });
    });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
