#include "kernels/finite.h"

#include "kernels/cuda/elementwise.cuh"

namespace divvy::kernels::cuda {

namespace {

constexpr int kParts = 96;                    ///< of one launch, whose arguments may have 4 KiB
constexpr int64_t kElements = 32 * kThreads;  ///< of a block

/// Some tensors that one launch looks at, one after the other.
struct Parts {
  int count = 0;
  const void* values[kParts];
  int64_t sizes[kParts];
  int64_t first_block[kParts + 1] = {0};
  bool wide[kParts];  ///< f64
};

/// The smallest index of an element that is not finite goes to *first, which starts at the largest number.
template <class T>
__device__ void search(const T* values, int64_t begin, int64_t end, unsigned long long* first) {
  T sum = 0;
#pragma unroll 8
  for (int64_t i = begin + threadIdx.x; i < end; i += kThreads) sum += values[i] * T(0);  // NaN if one is not finite
  if (sum == T(0)) return;
  int64_t i = begin + threadIdx.x;
  while (isfinite(values[i])) i += kThreads;
  atomicMin(first, static_cast<unsigned long long>(i));
}

__global__ void __launch_bounds__(kThreads) finite_kernel(const Parts parts, unsigned long long* first) {
  int part = 0, after = parts.count;
  while (after - part > 1) {
    const int middle = (part + after) / 2;
    (parts.first_block[middle] <= blockIdx.x ? part : after) = middle;
  }
  const int64_t begin = (blockIdx.x - parts.first_block[part]) * kElements;
  const int64_t end = min(begin + kElements, parts.sizes[part]);
  if (parts.wide[part]) {
    search(static_cast<const double*>(parts.values[part]), begin, end, first + part);
  } else {
    search(static_cast<const float*>(parts.values[part]), begin, end, first + part);
  }
}

void run(Device device, const Parts& parts, unsigned long long* first) {
  const int64_t blocks = parts.first_block[parts.count];
  if (blocks > 0) launch({device, static_cast<unsigned>(blocks), kThreads}, finite_kernel, parts, first);
}

/// Writes down the first tensor with an index below the largest. One warp.
__global__ void __launch_bounds__(32)
    note_kernel(const unsigned long long* first, int64_t count, int64_t source, bool new_run, int64_t* record) {
  int64_t own = count;
  for (int64_t i = threadIdx.x; i < count && own == count; i += 32) {
    if (first[i] != ~0ull) own = i;
  }
  for (int lanes = 16; lanes > 0; lanes /= 2) own = min(own, __shfl_xor_sync(0xffffffffu, own, lanes));
  if (threadIdx.x != 0) return;
  const int64_t run = record[0] + (new_run ? 1 : 0);
  record[0] = run;
  if (own == count || record[1] != 0) return;
  record[1] = run;
  record[2] = source;
  record[3] = own;
  record[4] = static_cast<int64_t>(first[own]);
}

/// i64 [n] on the device: the index for each tensor, all bits set where there is none.
Tensor search_all(std::span<const Tensor> x, Device device) {
  Tensor first = Tensor::empty({static_cast<int64_t>(x.size())}, DType::i64, device);
  auto* at = reinterpret_cast<unsigned long long*>(first.mutable_data<int64_t>());
  {
    const divvy::cuda::DeviceGuard guard(device.index);
    // All bits set: the largest number, and -1 for whoever reads it with a sign.
    const auto stream = divvy::cuda::compute_stream(device.index);
    if (!x.empty()) DIVVY_CUDA_CHECK(cudaMemsetAsync(at, 0xff, x.size() * sizeof *at, stream));
  }
  for (size_t begin = 0; begin < x.size(); begin += kParts) {
    Parts parts;
    for (const Tensor& t : x.subspan(begin, std::min<size_t>(kParts, x.size() - begin))) {
      const int p = parts.count++;
      parts.values[p] = t.bytes();
      parts.sizes[p] = t.numel();
      parts.wide[p] = t.dtype() == DType::f64;
      parts.first_block[p + 1] = parts.first_block[p] + (t.numel() + kElements - 1) / kElements;
    }
    run(device, parts, at + begin);
  }
  return first;
}

}  // namespace

std::vector<int64_t> first_non_finites(std::span<const Tensor> x) {
  const Tensor host = search_all(x, x.front().device()).to(Device::cpu());
  const auto values = host.values<int64_t>();
  return {values.begin(), values.end()};
}

void watch_finite(std::span<const Tensor> x, int64_t source, bool new_run, Tensor& record) {
  const Device device = record.device();
  const Tensor first = search_all(x, device);
  launch({device, 1, 32}, note_kernel, reinterpret_cast<const unsigned long long*>(first.data<int64_t>()),
         first.numel(), source, new_run, record.mutable_data<int64_t>());
}

}  // namespace divvy::kernels::cuda
