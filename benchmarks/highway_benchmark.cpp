#include <benchmark/benchmark.h>
#define HWY_COMPILE_ONLY_STATIC  // compiles for the static target only
#include <hwy/contrib/math/math-inl.h>
#include <hwy/highway.h>

#include "benchmarks/measure.h"

// Selects the instruction set whose vectors are as wide as Highway's in this build.
#if defined(__AVX512BW__)
#define DIVVY_TARGET avx512
#define DIVVY_VECTOR_BYTES 64
#elif defined(__AVX2__)
#define DIVVY_TARGET avx2
#define DIVVY_VECTOR_BYTES 32
#else
#define DIVVY_TARGET plain
#define DIVVY_VECTOR_BYTES 16
#endif
#include "kernels/cpu/simd/elementary.h"
#include "kernels/cpu/simd/vector.h"

/// The vectors of the kernels (kernels/cpu/simd/vector.h) compared with Highway's, in the two loops in which a training
/// step spends most of its time: the register tile of a matrix product, and e^x of the elements of an array. Built only
/// if Highway is installed.
namespace divvy {

namespace {

namespace hn = hwy::HWY_NAMESPACE;
using hn::ScalableTag;
using namespace kernels::DIVVY_TARGET;

constexpr int kRows = kVectorBytes == 64 ? 12 : kVectorBytes == 32 ? 6 : 4;
constexpr int64_t kDepth = 256;

/// c [kRows, two vectors] += a [kRows, kDepth] times packed b [kDepth, two vectors].
struct Operands {
  std::vector<float> a = std::vector<float>(static_cast<size_t>(kRows * kDepth), 0.5F);
  std::vector<float> b = std::vector<float>(static_cast<size_t>(2 * kLanes<float> * kDepth), 0.25F);
  std::vector<float> c = std::vector<float>(static_cast<size_t>(2 * kLanes<float> * kRows));
};

[[gnu::noinline]] void tile_of_vectors(const float* a, const float* b, float* c) {
  constexpr int64_t lanes = kLanes<float>;
  Vector<float> sum[kRows][2] = {};
  for (int64_t p = 0; p < kDepth; ++p) {
    const Vector<float> left = load(b + 2 * p * lanes), right = load(b + (2 * p + 1) * lanes);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const Vector<float> factor = broadcast(a[i * kDepth + p]);
      sum[i][0] += factor * left;
      sum[i][1] += factor * right;
    }
  }
  for (int i = 0; i < kRows; ++i) {
    for (int j = 0; j < 2; ++j) {
      float* to = c + (2 * i + j) * lanes;
      store(to, load(to) + sum[i][j]);
    }
  }
}

[[gnu::noinline]] void tile_of_highway(const float* a, const float* b, float* c) {
  const ScalableTag<float> d;
  using V = hn::Vec<decltype(d)>;
  const size_t lanes = hn::Lanes(d);
  V sum[kRows][2];
  for (auto& row : sum) row[0] = row[1] = hn::Zero(d);
  for (int64_t p = 0; p < kDepth; ++p) {
    const V left = hn::LoadU(d, b + 2 * static_cast<size_t>(p) * lanes),
            right = hn::LoadU(d, b + (2 * static_cast<size_t>(p) + 1) * lanes);
#pragma GCC unroll 12
    for (int i = 0; i < kRows; ++i) {
      const V factor = hn::Set(d, a[i * kDepth + p]);
      sum[i][0] = hn::MulAdd(factor, left, sum[i][0]);
      sum[i][1] = hn::MulAdd(factor, right, sum[i][1]);
    }
  }
  for (size_t i = 0; i < kRows; ++i) {
    for (size_t j = 0; j < 2; ++j) {
      float* to = c + (2 * i + j) * lanes;
      hn::StoreU(hn::Add(hn::LoadU(d, to), sum[i][j]), d, to);
    }
  }
}

template <void (*tile)(const float*, const float*, float*)>
void product_tile(benchmark::State& state) {
  Operands data;
  // A tile takes microseconds; a hundred of them take much longer than reading the clock.
  bench::measure(state, 100.0 * 2 * kRows * 2 * kLanes<float> * kDepth, [&] {
    for (int i = 0; i < 100; ++i) {
      tile(data.a.data(), data.b.data(), data.c.data());
      benchmark::ClobberMemory();
    }
  });
}

[[gnu::noinline]] void exp_of_loops(float* x, int64_t count) { exp_in_place(x, count); }

[[gnu::noinline]] void exp_of_highway(float* x, int64_t count) {
  const ScalableTag<float> d;
  for (int64_t i = 0; i < count; i += static_cast<int64_t>(hn::Lanes(d))) {
    hn::StoreU(hn::Exp(d, hn::LoadU(d, x + i)), d, x + i);
  }
}

template <void (*function)(float*, int64_t)>
void exponential(benchmark::State& state) {
  constexpr int64_t count = 4096;
  std::vector<float> x(count, -1.5F);
  bench::measure(state, 100.0 * count, [&] {
    for (int i = 0; i < 100; ++i) {
      function(x.data(), count);
      benchmark::ClobberMemory();
    }
  });
}

}  // namespace

void bench::register_benchmarks() {
  if (device().is_cuda()) return;
  add("product_tile/vectors", product_tile<tile_of_vectors>);
  add("product_tile/highway", product_tile<tile_of_highway>);
  add("exp/loops", exponential<exp_of_loops>);
  add("exp/highway", exponential<exp_of_highway>);
}

}  // namespace divvy
