#include "kernels/metric_sums.h"

#include "kernels/cuda/launch.cuh"

namespace divvy::kernels::cuda {

namespace {

constexpr int kValues = 32;  ///< of one launch

struct Values {
  const void* at[kValues];
  double factor[kValues];
  bool wide[kValues];  ///< f64
};

struct Tally {
  Values values;
  double *sum, *last;
  __device__ void operator()(int64_t i) const {
    const double value = values.wide[i] ? *static_cast<const double*>(values.at[i])
                                        : static_cast<double>(*static_cast<const float*>(values.at[i]));
    last[i] = value;
    sum[i] += value * values.factor[i];
  }
};

/// A thread for each row. Integers are added, in whatever order.
template <class T>
__global__ void __launch_bounds__(kThreads)
    count_kernel(const T* output, const int64_t* labels, int64_t rows, int64_t classes, unsigned long long* count) {
  for (int64_t first = blockIdx.x * int64_t{kThreads}; first < rows; first += gridDim.x * int64_t{kThreads}) {
    const int64_t row = first + threadIdx.x;
    bool right = false;
    if (row < rows) {
      const T* of = output + row * classes;
      int64_t largest = 0;
      for (int64_t c = 1; c < classes; ++c) {
        if (of[largest] < of[c]) largest = c;
      }
      right = largest == labels[row];
    }
    const unsigned votes = __ballot_sync(0xffffffffu, right);
    if (threadIdx.x % 32 == 0 && votes != 0) atomicAdd(count, static_cast<unsigned long long>(__popc(votes)));
  }
}

}  // namespace

void accumulate_metrics(std::span<const Tensor> values, std::span<const double> factors, Tensor& sums) {
  double* sum = sums.mutable_data<double>();
  for (size_t begin = 0; begin < values.size(); begin += kValues) {
    const size_t count = std::min<size_t>(kValues, values.size() - begin);
    Tally part{{}, sum + begin, sum + values.size() + begin};
    for (size_t i = 0; i < count; ++i) {
      const Tensor& value = values[begin + i];
      part.values.at[i] = value.bytes();
      part.values.factor[i] = factors[begin + i];
      part.values.wide[i] = value.dtype() == DType::f64;
    }
    for_each(sums.device(), static_cast<int64_t>(count), part);
  }
}

void count_correct(const Tensor& output, const Tensor& labels, Tensor& count) {
  const int64_t rows = output.size(0);
  if (rows == 0) return;
  auto* to = reinterpret_cast<unsigned long long*>(count.mutable_data<int64_t>());
  visit_floating("count_correct", output.dtype(), [&]<class T>() {
    launch({output.device(), blocks_for(output.device(), rows), kThreads}, count_kernel<T>, output.data<T>(),
           labels.data<int64_t>(), rows, output.size(1), to);
  });
}

}  // namespace divvy::kernels::cuda
