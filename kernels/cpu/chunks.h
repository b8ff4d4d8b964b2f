#pragma once

#include <Eigen/Core>
#include <algorithm>
#include <cstdint>

#include "kernels/cpu/target.h"
#include "tensor/parallel.h"

/// Several element-wise statements over the same arrays, in one pass through memory: they run one after the other on a
/// chunk that stays in the nearest cache.
DIVVY_TARGET_BEGIN;
namespace divvy::kernels::DIVVY_TARGET {

constexpr int64_t kChunk = 1024;
constexpr int64_t kChunkTile = 4 * kChunk;

template <class T>
using Chunk = Eigen::Map<Eigen::Array<T, Eigen::Dynamic, 1>>;
template <class T>
using ConstChunk = Eigen::Map<const Eigen::Array<T, Eigen::Dynamic, 1>>;
/// Room for one chunk on the stack.
template <class T>
using ChunkBuffer = Eigen::Array<T, Eigen::Dynamic, 1, Eigen::ColMajor, kChunk, 1>;

/// Calls f(at, size) for consecutive chunks of [0, count).
template <class F>
void for_chunks(int64_t count, const F& f) {
  parallel_tiles(count, kChunkTile, [&](int64_t begin, int64_t end) {
    for (int64_t at = begin; at < end; at += kChunk) f(at, std::min(kChunk, end - at));
  });
}

/// gradient + weight_decay * parameter, for the chunk at `at`.
template <class T>
ChunkBuffer<T> decayed(const T* gradient, const T* parameter, double weight_decay, int64_t at, int64_t size) {
  ChunkBuffer<T> g = ConstChunk<T>(gradient + at, size);
  if (weight_decay != 0) g += static_cast<T>(weight_decay) * ConstChunk<T>(parameter + at, size);
  return g;
}

}  // namespace divvy::kernels::DIVVY_TARGET
DIVVY_TARGET_END;
