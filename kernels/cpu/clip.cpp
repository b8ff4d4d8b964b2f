#include "kernels/clip.h"

#include <cmath>
#include <vector>

#include "kernels/cpu/chunks.h"
#include "kernels/cpu/target.h"

DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

namespace {

double squared_norm(const Tensor& x) {
  return visit_floating("squared_norm", x.dtype(), [&]<class T>() {
    const T* in = x.data<T>();
    const int64_t tiles = (x.numel() + kChunkTile - 1) / kChunkTile;
    std::vector<double> partial(static_cast<size_t>(tiles));
    parallel_for(tiles, [&](int64_t tile) {
      const int64_t begin = tile * kChunkTile, size = std::min(kChunkTile, x.numel() - begin);
      partial[static_cast<size_t>(tile)] = ConstChunk<T>(in + begin, size).template cast<double>().square().sum();
    });
    double sum = 0;
    for (double part : partial) sum += part;
    return sum;
  });
}

}  // namespace

void squared_norms(std::span<const Tensor> x, Tensor& norms) {
  double* to = norms.mutable_data<double>();
  for (const Tensor& t : x) *to++ = squared_norm(t);
}

void clip_factor(const Tensor& squared_norms, double max_norm, Tensor& factor) {
  double squares = 0;
  for (const double square : squared_norms.values<double>()) squares += square;
  const double wanted = max_norm / (std::sqrt(squares) + 1e-6);
  *factor.mutable_data<double>() = wanted < 1 ? wanted : 1;
}

void scale_by(Tensor& x, const Tensor& factor) {
  const double value = *factor.data<double>();
  if (value != 1) scale(x, value);
}

void scale(Tensor& x, double factor) {
  visit_floating("scale", x.dtype(), [&]<class T>() {
    T* values = x.mutable_data<T>();
    for_chunks(x.numel(), [&](int64_t at, int64_t size) { Chunk<T>(values + at, size) *= static_cast<T>(factor); });
  });
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
