#include "tensor/cuda/random.h"

#include "tensor/cuda/fault.h"
#include "tensor/cuda/launch.cuh"
#include "tensor/graph.h"

namespace divvy::cuda {

namespace {

/// Writes the elements of one block.
template <class T, class Distribution>
struct FillBlock {
  static constexpr int64_t kPerBlock = Distribution::kPerBlock;
  random::State state;
  Distribution distribution;
  int64_t count;
  T* to;

  __device__ void operator()(int64_t b) const {
    const auto elements = distribution(random::block_at(state, static_cast<uint64_t>(b)));
    if ((b + 1) * kPerBlock <= count) {
      *reinterpret_cast<random::Elements<T, kPerBlock>*>(to + b * kPerBlock) = elements;
      return;
    }
    for (int j = 0; b * kPerBlock + j < count; ++j) to[b * kPerBlock + j] = elements.at[j];
  }
};

/// `out` is fresh and aligned.
template <class T, class Distribution>
void fill(const random::State& state, const Distribution& distribution, Tensor& out) {
  refuse_in_recording(out.device().index, "drawing random numbers");
  const int64_t count = out.numel(), blocks = (count + Distribution::kPerBlock - 1) / Distribution::kPerBlock;
  for_each(out.device(), blocks, FillBlock<T, Distribution>{state, distribution, count, out.mutable_data<T>()});
}

template <class T>
struct DrawClass {
  random::State state;
  const T* probabilities;
  int64_t classes;
  Fault fault;
  int64_t* to;

  __device__ void operator()(int64_t row) const {
    const random::Block block = random::block_at(state, static_cast<uint64_t>(row / 2));
    const double u = random::unit(block.wide(static_cast<int>(row % 2)));
    const int64_t drawn = random::pick(probabilities + row * classes, classes, u);
    if (drawn < 0) fault.raise();
    to[row] = drawn < 0 ? 0 : drawn;
  }
};

}  // namespace

void fill_random(const random::State& state, const random::Uniform<float>& uniform, Tensor& out) {
  fill<float>(state, uniform, out);
}
void fill_random(const random::State& state, const random::Uniform<double>& uniform, Tensor& out) {
  fill<double>(state, uniform, out);
}
void fill_random(const random::State& state, const random::Normal<float>& normal, Tensor& out) {
  fill<float>(state, normal, out);
}
void fill_random(const random::State& state, const random::Normal<double>& normal, Tensor& out) {
  fill<double>(state, normal, out);
}
void fill_random(const random::State& state, const random::Bernoulli& bernoulli, Tensor& out) {
  fill<uint8_t>(state, bernoulli, out);
}

void draw_classes(const random::State& state, const Tensor& probabilities, Tensor& out) {
  const Device device = out.device();
  refuse_in_recording(device.index, "drawing random numbers");
  visit_floating("categorical", probabilities.dtype(), [&]<class T>() {
    for_each(device, out.numel(),
             DrawClass<T>{state, probabilities.data<T>(), probabilities.size(1),
                          fault(device.index, "categorical: a row is no distribution"), out.mutable_data<int64_t>()});
  });
}

}  // namespace divvy::cuda
