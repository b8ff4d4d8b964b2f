#include "tensor/cuda/random.h"

#include "tensor/error.h"

namespace divvy::cuda {

namespace {
[[noreturn]] void absent() { fail<DeviceError>("this build of divvy has no CUDA; configure with -DDIVVY_CUDA=ON"); }
}  // namespace

void fill_random(const random::State&, const random::Uniform<float>&, Tensor&) { absent(); }
void fill_random(const random::State&, const random::Uniform<double>&, Tensor&) { absent(); }
void fill_random(const random::State&, const random::Normal<float>&, Tensor&) { absent(); }
void fill_random(const random::State&, const random::Normal<double>&, Tensor&) { absent(); }
void fill_random(const random::State&, const random::Bernoulli&, Tensor&) { absent(); }
void draw_classes(const random::State&, const Tensor&, Tensor&) { absent(); }

}  // namespace divvy::cuda
