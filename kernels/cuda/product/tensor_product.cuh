#pragma once

#include "kernels/cuda/product/mma.cuh"
#include "kernels/cuda/product/product.cuh"

/// The products of product.cuh on tensor cores: operands in f32, rounded to tf32 or bf16 on their way to the
/// multipliers, sums in f32.
namespace divvy::kernels::cuda {

/// What a block computes: 8 warps, 2 along m by 4 along n, of 64 x 32 results each.
using TensorTile = LargeTile;
inline constexpr int kTensorTerms = 32;

/// One operand's part of a tile in shared memory, in f32 and in the order that it has in memory. The padding lets the
/// lanes of a warp read their fragments from different banks.
template <bool kTermsFirst, bool kBf16>
struct TensorPanel {
  static constexpr int kX = TensorTile::kM;
  static constexpr int kStride = kTermsFirst ? kTensorTerms + (kBf16 ? 8 : 4) : kX + (kBf16 ? 4 : 8);
  static constexpr int kSize = kStride * (kTermsFirst ? kX : kTensorTerms);

  __device__ static int at(int x, int k) { return kTermsFirst ? x * kStride + k : k * kStride + x; }

  /// Starts to copy the terms from `first` on; address(x, k) is null for what does not exist. `any`: some address that
  /// can be read.
  template <int kBytes, class Address>
  __device__ static void copy(float* shared, const float* any, const Address& address) {
    constexpr int kWide = kBytes / 4, kInner = kTermsFirst ? kTensorTerms : kX;
#pragma unroll
    for (int i = 0; i < kX * kTensorTerms / kWide / TensorTile::kThreads; ++i) {
      const int e = (static_cast<int>(threadIdx.x) + i * TensorTile::kThreads) * kWide;
      const int x = kTermsFirst ? e / kInner : e % kInner, k = kTermsFirst ? e % kInner : e / kInner;
      const float* from = address(x, k);
      copy_async<kBytes>(shared + at(x, k), from == nullptr ? any : from, from != nullptr);
    }
  }

  /// A register of a fragment: the elements (x, k) and, for bf16, (x, k + 1).
  __device__ static uint32_t fragment(const float* shared, int x, int k) {
    if constexpr (!kBf16) {
      return to_tf32(shared[at(x, k)]);
    } else if constexpr (kTermsFirst) {
      const float2 pair = *reinterpret_cast<const float2*>(shared + at(x, k));
      return to_bf16x2(pair.x, pair.y);
    } else {
      return to_bf16x2(shared[at(x, k)], shared[at(x, k + 1)]);
    }
  }
};

/// As product_kernel. Beside what that asks of a job: a_at and b_at give the address of an element, null for none; with
/// kBytes = 16 four neighbors are read as one, and exist all or none.
template <bool kBf16, int kBytes, class Job>
__global__ void __launch_bounds__(TensorTile::kThreads, 1) tensor_product_kernel(Job job) {
  using PanelA = TensorPanel<Job::kATermsFirst, kBf16>;
  using PanelB = TensorPanel<Job::kBTermsFirst, kBf16>;
  constexpr int kStage = PanelA::kSize + PanelB::kSize, kDepth = kBf16 ? 16 : 8;
  constexpr int kTilesM = 4, kTilesN = 4;  // of 16 x 8 results, for a warp
  float* shared = dynamic_shared<float>();
  if (!job.start(blockIdx.x)) return;

  const int64_t depth = job.depth(), rows = job.rows(), cols = job.cols();
  const auto copy = [&](int64_t first, int buffer) {
    float* stage = shared + buffer * kStage;
    PanelA::template copy<kBytes>(stage, job.any(), [&](int m, int k) -> const float* {
      return m < rows && first + k < depth ? job.a_at(job.a_row(m), first + k) : nullptr;
    });
    PanelB::template copy<kBytes>(stage + PanelA::kSize, job.any(), [&](int n, int k) -> const float* {
      return n < cols && first + k < depth ? job.b_at(job.b_col(n), first + k) : nullptr;
    });
  };

  const int warp = static_cast<int>(threadIdx.x / 32), lane = static_cast<int>(threadIdx.x % 32);
  const int m0 = warp / 4 * 64, n0 = warp % 4 * 32, g = lane / 4, t = lane % 4;
  float sum[kTilesM][kTilesN][4] = {};
  copy(0, 0);
  commit_copies();
  int buffer = 0;
  for (int64_t first = 0; first < depth; first += kTensorTerms, buffer ^= 1) {
    if (first + kTensorTerms < depth) copy(first + kTensorTerms, buffer ^ 1);
    commit_copies();
    wait_for_copies<1>();
    __syncthreads();
    const float *a_panel = shared + buffer * kStage, *b_panel = a_panel + PanelA::kSize;
#pragma unroll
    for (int k = 0; k < kTensorTerms; k += kDepth) {
      // The place of this lane's first term, and from it to those of its other registers.
      const int term = k + (kBf16 ? 2 * t : t);
      constexpr int kNext = kDepth / 2;
      uint32_t a[kTilesM][4], b[kTilesN][2];
#pragma unroll
      for (int i = 0; i < kTilesM; ++i) {
#pragma unroll
        for (int r = 0; r < 4; ++r) {
          a[i][r] = PanelA::fragment(a_panel, m0 + i * 16 + g + r % 2 * 8, term + r / 2 * kNext);
        }
      }
#pragma unroll
      for (int j = 0; j < kTilesN; ++j) {
#pragma unroll
        for (int r = 0; r < 2; ++r) b[j][r] = PanelB::fragment(b_panel, n0 + j * 8 + g, term + r * kNext);
      }
#pragma unroll
      for (int i = 0; i < kTilesM; ++i) {
#pragma unroll
        for (int j = 0; j < kTilesN; ++j) {
          kBf16 ? multiply_bf16(sum[i][j], a[i], b[j]) : multiply_tf32(sum[i][j], a[i], b[j]);
        }
      }
    }
    __syncthreads();  // before the next copies overwrite it
  }

  const int64_t stride = job.stride();
#pragma unroll
  for (int j = 0; j < kTilesN; ++j) {
#pragma unroll
    for (int side = 0; side < 2; ++side) {
      const int n = n0 + j * 8 + 2 * t + side;
      if (n >= cols) continue;
      float* result = job.result(n);
#pragma unroll
      for (int i = 0; i < kTilesM; ++i) {
#pragma unroll
        for (int half = 0; half < 2; ++half) {
          const int m = m0 + i * 16 + g + half * 8;
          if (m < rows) result[m * stride] = job.finish(sum[i][j][half * 2 + side], m, n);
        }
      }
    }
  }
}

template <bool kBf16, int kBytes, class Job>
void run_tensor_product(Device device, int64_t blocks, const Job& job) {
  constexpr size_t stage = TensorPanel<Job::kATermsFirst, kBf16>::kSize + TensorPanel<Job::kBTermsFirst, kBf16>::kSize;
  if (blocks == 0) return;
  launch({device, static_cast<unsigned>(blocks), TensorTile::kThreads, 2 * stage * sizeof(float)},
         tensor_product_kernel<kBf16, kBytes, Job>, job);
}

/// wide: four neighbors of both operands can be read at once.
template <class Job>
void run_tensor_product(Device device, int64_t blocks, bool bf16, bool wide, const Job& job) {
  if (bf16) {
    wide ? run_tensor_product<true, 16>(device, blocks, job) : run_tensor_product<true, 4>(device, blocks, job);
  } else {
    wide ? run_tensor_product<false, 16>(device, blocks, job) : run_tensor_product<false, 4>(device, blocks, job);
  }
}

}  // namespace divvy::kernels::cuda
