#include "kernels/clip.h"

#include <vector>

#include "kernels/cpu/chunks.h"

namespace divvy::kernels::cpu {

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

std::vector<double> squared_norms(std::span<const Tensor> x) {
  std::vector<double> norms;
  for (const Tensor& t : x) norms.push_back(squared_norm(t));
  return norms;
}

void scale(Tensor& x, double factor) {
  visit_floating("scale", x.dtype(), [&]<class T>() {
    T* values = x.mutable_data<T>();
    for_chunks(x.numel(), [&](int64_t at, int64_t size) { Chunk<T>(values + at, size) *= static_cast<T>(factor); });
  });
}

}  // namespace divvy::kernels::cpu
