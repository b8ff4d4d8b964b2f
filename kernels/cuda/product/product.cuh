#pragma once

#include "kernels/cuda/launch.cuh"
#include "kernels/cuda/piece_sums.cuh"

/// Matrix products whose operands are read element by element from wherever they lie: rows that a sample names, weights
/// of the expert that a tile belongs to, pixels under a filter. In the arithmetic of their type; the terms of a sum are
/// added in their order.
namespace divvy::kernels::cuda {

/// kM x kN results are computed by one block, kTM x kTN of them by a thread, from kK terms at a time.
template <int kM_, int kN_, int kK_, int kTM_, int kTN_>
struct TileSize {
  static constexpr int kM = kM_, kN = kN_, kK = kK_, kTM = kTM_, kTN = kTN_;
  static constexpr int kThreads = (kM / kTM) * (kN / kTN);
  static_assert(kTM % 4 == 0 && kTN % 4 == 0 && kThreads % kK == 0 && kThreads % kM == 0 && kThreads % kN == 0);
};
using NarrowTile = TileSize<16, 128, 16, 4, 4>;
using MediumTile = TileSize<64, 64, 16, 4, 4>;
using LargeTile = TileSize<128, 128, 8, 8, 8>;

template <class T>
struct alignas(16) Pack {
  T value[4];
};

/// One operand's part of a tile: kX rows of A, or columns of B, by kK terms. Threads read neighboring terms where
/// kTermsFirst, else neighboring rows: whichever are neighbors in memory.
template <class Tile, int kX, bool kTermsFirst, class T>
struct Panel {
  static constexpr int kCount = kX * Tile::kK / Tile::kThreads;
  static constexpr int kStep = Tile::kThreads / (kTermsFirst ? Tile::kK : kX);
  static constexpr int kHandles = kTermsFirst ? kCount : 1;
  /// One more than it takes, so that writing along the terms meets different banks.
  using Shared = Pack<T>[Tile::kK][kX / 4 + 1];

  __device__ static int x(int i) {
    const int t = static_cast<int>(threadIdx.x);
    return kTermsFirst ? t / Tile::kK + i * kStep : t % kX;
  }
  __device__ static int term(int i) {
    const int t = static_cast<int>(threadIdx.x);
    return kTermsFirst ? t % Tile::kK : t / kX + i * kStep;
  }

  T value[kCount];

  /// value = read(handle of the row, term) for terms from `first` on; 0 past `depth`.
  template <class Handle, class Read>
  __device__ void load(const Handle (&handle)[kHandles], int64_t first, int64_t depth, const Read& read) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int64_t k = first + term(i);
      value[i] = k < depth ? read(handle[kTermsFirst ? i : 0], k) : T(0);
    }
  }
  __device__ void store(Shared& to) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) to[term(i)][x(i) / 4].value[x(i) % 4] = value[i];
  }
};

/// The same with four neighbors at once, which are aligned and exist all or none.
template <class Tile, int kX, bool kTermsFirst, class T>
struct WidePanel {
  static constexpr int kPacks = kX * Tile::kK / 4, kCount = (kPacks + Tile::kThreads - 1) / Tile::kThreads;
  static constexpr int kHandles = kCount;
  using Shared = typename Panel<Tile, kX, kTermsFirst, T>::Shared;

  __device__ static int pack(int i) { return static_cast<int>(threadIdx.x) + i * Tile::kThreads; }
  __device__ static bool exists(int i) { return kPacks % Tile::kThreads == 0 || pack(i) < kPacks; }
  __device__ static int x(int i) { return kTermsFirst ? pack(i) / (Tile::kK / 4) : pack(i) % (kX / 4) * 4; }
  __device__ static int term(int i) { return kTermsFirst ? pack(i) % (Tile::kK / 4) * 4 : pack(i) / (kX / 4); }

  Pack<T> value[kCount];

  /// Like Panel's, but at(handle, term) gives an address, null for zeros.
  template <class Handle, class At>
  __device__ void load(const Handle (&handle)[kHandles], int64_t first, int64_t depth, const At& at) {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      const int64_t k = first + term(i);
      const T* from = exists(i) && k < depth ? at(handle[i], k) : nullptr;
      value[i] = from == nullptr ? Pack<T>{} : *reinterpret_cast<const Pack<T>*>(from);
    }
  }
  __device__ void store(Shared& to) const {
#pragma unroll
    for (int i = 0; i < kCount; ++i) {
      if (!exists(i)) continue;
      if constexpr (kTermsFirst) {
#pragma unroll
        for (int j = 0; j < 4; ++j) to[term(i) + j][x(i) / 4].value[x(i) % 4] = value[i].value[j];
      } else {
        to[term(i)][x(i) / 4] = value[i];
      }
    }
  }
};

/// One block computes one tile of the product that `job` describes:
///
///     Value                          float or double
///     kATermsFirst, kBTermsFirst     what is contiguous in memory, see Panel
///     kResultsAlongM                 whether results of neighboring m, else n, are neighbors in memory
///     start(block)                   finds the tile of a block; false where there is none
///     rows(), cols(), depth()        sizes of what is left of the product from the tile's corner on
///     a_row(m), a(row, k)            the elements of A; an m of the tile may lie past rows()
///     b_col(n), b(col, k)            and of B
///     result(n), stride()            where the result (0, n) goes, and elements to that of the next m
///     finish(value, m, n)            what becomes of a sum before it is stored
///     a_at(row, k), b_at(col, k)     for kWide, where operands are read 16 bytes at a time: the address of an element,
///                                    or null
template <class Tile, bool kWide, class Job>
__global__ void __launch_bounds__(Tile::kThreads) product_kernel(Job job) {
  using T = typename Job::Value;
  using PanelA = std::conditional_t<kWide, WidePanel<Tile, Tile::kM, Job::kATermsFirst, T>,
                                    Panel<Tile, Tile::kM, Job::kATermsFirst, T>>;
  using PanelB = std::conditional_t<kWide, WidePanel<Tile, Tile::kN, Job::kBTermsFirst, T>,
                                    Panel<Tile, Tile::kN, Job::kBTermsFirst, T>>;
  __shared__ typename PanelA::Shared a_shared[2];
  __shared__ typename PanelB::Shared b_shared[2];
  if (!job.start(blockIdx.x)) return;  // all threads of the block alike

  const int t = static_cast<int>(threadIdx.x);
  constexpr int kAcrossM = Tile::kM / Tile::kTM, kAcrossN = Tile::kN / Tile::kTN;
  const int tm = Job::kResultsAlongM ? t % kAcrossM : t / kAcrossN;
  const int tn = Job::kResultsAlongM ? t / kAcrossM : t % kAcrossN;
  T sum[Tile::kTM][Tile::kTN] = {};

  PanelA a;
  PanelB b;
  const int64_t depth = job.depth();
  decltype(job.a_row(0)) a_rows[PanelA::kHandles];
  decltype(job.b_col(0)) b_cols[PanelB::kHandles];
#pragma unroll
  for (int i = 0; i < PanelA::kHandles; ++i) a_rows[i] = job.a_row(PanelA::x(i));
#pragma unroll
  for (int i = 0; i < PanelB::kHandles; ++i) b_cols[i] = job.b_col(PanelB::x(i));
  if constexpr (kWide) {
    // Past the last row, the four neighbors of the last would not be there.
    const int64_t rows = job.rows(), cols = job.cols();
#pragma unroll
    for (int i = 0; i < PanelA::kHandles; ++i) a_rows[i] = PanelA::x(i) < rows ? a_rows[i] : nullptr;
#pragma unroll
    for (int i = 0; i < PanelB::kHandles; ++i) b_cols[i] = PanelB::x(i) < cols ? b_cols[i] : nullptr;
  }
  const auto load = [&](int64_t first) {
    if constexpr (kWide) {
      a.load(a_rows, first, depth, [&](const T* row, int64_t k) { return row ? job.a_at(row, k) : nullptr; });
      b.load(b_cols, first, depth, [&](const T* col, int64_t k) { return col ? job.b_at(col, k) : nullptr; });
    } else {
      a.load(a_rows, first, depth, [&](const auto& row, int64_t k) { return job.a(row, k); });
      b.load(b_cols, first, depth, [&](const auto& col, int64_t k) { return job.b(col, k); });
    }
  };
  if (depth > 0) load(0);
  for (int64_t first = 0, buffer = 0; first < depth; first += Tile::kK, buffer ^= 1) {
    a.store(a_shared[buffer]);
    b.store(b_shared[buffer]);
    __syncthreads();  // the other buffer is free when this one is full: all threads are past its products
    if (first + Tile::kK < depth) load(first + Tile::kK);
#pragma unroll
    for (int k = 0; k < Tile::kK; ++k) {
      Pack<T> left[Tile::kTM / 4], right[Tile::kTN / 4];
#pragma unroll
      for (int i = 0; i < Tile::kTM / 4; ++i) left[i] = a_shared[buffer][k][i * kAcrossM + tm];
#pragma unroll
      for (int j = 0; j < Tile::kTN / 4; ++j) right[j] = b_shared[buffer][k][j * kAcrossN + tn];
#pragma unroll
      for (int i = 0; i < Tile::kTM; ++i) {
#pragma unroll
        for (int j = 0; j < Tile::kTN; ++j) sum[i][j] += left[i / 4].value[i % 4] * right[j / 4].value[j % 4];
      }
    }
  }

  const int64_t rows = job.rows(), cols = job.cols(), stride = job.stride();
#pragma unroll
  for (int j = 0; j < Tile::kTN; ++j) {
    const int n = (j / 4 * kAcrossN + tn) * 4 + j % 4;
    if (n >= cols) continue;
    T* result = job.result(n);
#pragma unroll
    for (int i = 0; i < Tile::kTM; ++i) {
      const int m = (i / 4 * kAcrossM + tm) * 4 + i % 4;
      if (m < rows) result[m * stride] = job.finish(sum[i][j], m, n);
    }
  }
}

template <class Tile, class Job>
void run_product(Device device, int64_t blocks, const Job& job) {
  if (blocks == 0) return;
  launch({device, static_cast<unsigned>(blocks), Tile::kThreads}, product_kernel<Tile, false, Job>, job);
}
/// wide: four neighbors of both operands can be read at once. In f32 alone.
template <class Tile, class Job>
void run_product(Device device, int64_t blocks, bool wide, const Job& job) {
  if constexpr (std::is_same_v<typename Job::Value, float>) {
    if (wide && blocks > 0) {
      return launch({device, static_cast<unsigned>(blocks), Tile::kThreads}, product_kernel<Tile, true, Job>, job);
    }
  }
  run_product<Tile>(device, blocks, job);
}

/// Calls f(tile size) with one that suits a product of this many rows and, on average, columns. f64 is for checks, and
/// has one size for all.
template <class T, class F>
void with_tile(int64_t rows, int64_t cols, const F& f) {
  if constexpr (std::is_same_v<T, float>) {
    if (rows <= NarrowTile::kM) return f(NarrowTile());
    if (rows > 96 && cols > 64) return f(LargeTile());
  }
  f(MediumTile());
}

}  // namespace divvy::kernels::cuda
