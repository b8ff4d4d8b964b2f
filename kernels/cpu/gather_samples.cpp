#include "kernels/gather_samples.h"

#include <algorithm>

#include "kernels/cpu/target.h"
#include "kernels/sample_window.h"
#include "tensor/generator.h"
#include "tensor/parallel.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

template <class T>
float value_of(const float* values, T stored) {
  if constexpr (std::is_same_v<T, float>) {
    return stored;
  } else {
    return values[stored];
  }
}

template <class T>
void gather(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes, Tensor& y) {
  const int64_t channels = x.size(1), plane = x.shape().range(2).numel(), sample = channels * plane;
  const int64_t width = changes.none() ? plane : x.size(3), height = changes.none() ? 1 : x.size(2);
  const int64_t *rows = index.data<int64_t>(), per_channel = values.size(1);
  const T* in = x.data<T>();
  const float* of = values.data<float>();
  float* out = y.mutable_data<float>();
  const int64_t tile = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, sample));
  parallel_tiles(index.numel(), tile, [&](int64_t begin, int64_t end) {
    Generator generator(changes.seed, changes.stream);
    for (int64_t i = begin; i < end; ++i) {
      generator.set_offset(changes.offset + static_cast<uint64_t>(i));
      const SampleWindow window(changes, generator.bits().data(), height, width);
      for (int64_t c = 0; c < channels; ++c) {
        const T* from = in + rows[i] * sample + c * plane;
        const float* channel = of + c * per_channel;
        float* to = out + i * sample + c * plane;
        for (int64_t p = 0; p < plane; ++p) {
          const int64_t at = changes.none() ? p : window.source(p / width, p % width);
          to[p] = at < 0 ? channel[0] : value_of(channel, from[at]);
        }
      }
    }
  });
}

}  // namespace

void gather_samples(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes,
                    Tensor& y) {
  x.dtype() == DType::u8 ? gather<uint8_t>(x, index, values, changes, y) : gather<float>(x, index, values, changes, y);
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
