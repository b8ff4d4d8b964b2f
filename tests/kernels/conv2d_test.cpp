#include "kernels/conv2d.h"

#include <cmath>
#include <random>

#include "kernels/matmul.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/instruction_sets.h"
#include "tests/support/naive_conv2d.h"

namespace divvy::test {

namespace {

struct Problem {
  Shape x, weight;
  Conv2dGeometry geometry;
  Segments segments;
  std::string label() const {
    return fmt::format("x {} weight {} stride {} padding {} groups {} rows {}{}", x, weight, geometry.stride,
                       geometry.padding, geometry.groups, segments.rows(x[0]), segments.sample ? " by sample" : "");
  }
};

struct Results {
  Tensor y, dx, dweight, dbias;
};

Results by_kernels(const Problem& p, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& dy,
                   Device device = Device::cpu()) {
  const auto on = [&](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  // Filled with something that must be written over.
  Results r{on(Tensor::full(dy.shape(), 7, x.dtype())), on(Tensor::full(p.x, 7, x.dtype())),
            on(Tensor::full(p.weight, 7, x.dtype())), on(Tensor::full(bias.shape(), 7, x.dtype()))};
  const Tensor in = on(x), w = on(weight), up = on(dy);
  const Segments segments{on(p.segments.offsets), on(p.segments.sample)};
  kernels::conv2d(in, w, on(bias), p.geometry, segments, r.y);
  kernels::conv2d_backward_input(up, w, p.geometry, segments, r.dx);
  kernels::conv2d_backward_weight(in, up, p.weight, p.geometry, segments, r.dweight, r.dbias);
  for (Tensor* t : {&r.y, &r.dx, &r.dweight, &r.dbias}) *t = t->to(Device::cpu());
  return r;
}

Results by_loops(const Problem& p, const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& dy) {
  Results r{Tensor::zeros_like(dy), Tensor::zeros_like(x), Tensor::zeros_like(weight), Tensor::zeros_like(bias)};
  const double *in = x.data<double>(), *w = weight.data<double>(), *b = bias.data<double>(), *up = dy.data<double>();
  double *y = r.y.mutable_data<double>(), *dx = r.dx.mutable_data<double>();
  double *dw = r.dweight.mutable_data<double>(), *db = r.dbias.mutable_data<double>();
  for_outputs(dy.shape(), p.segments, [&](int64_t to, int64_t from) {
    y[to] = b[from];
    db[from] += up[to];
  });
  for_products(p.x, p.weight, dy.shape(), p.geometry, p.segments, [&](int64_t to, int64_t from, int64_t tap) {
    y[to] += w[tap] * in[from];
    dx[from] += w[tap] * up[to];
    dw[tap] += in[from] * up[to];
  });
  return r;
}

void check_problem(const Problem& p, uint64_t seed, Device device) {
  INFO(p.label() << " on " << device.to_string());
  const Tensor x = random_tensor(p.x, seed), weight = random_tensor(p.weight, seed + 1);
  const Tensor bias = random_tensor(p.weight.range(0, p.weight.rank() - 3), seed + 2);
  const Tensor dy = random_tensor(kernels::conv2d_shape(p.x, p.weight, p.geometry, p.segments), seed + 3);
  const Results expected = by_loops(p, x, weight, bias, dy), got = by_kernels(p, x, weight, bias, dy, device);
  CHECK(difference(got.y, expected.y, 1e-11, 1e-11) == "");
  CHECK(difference(got.dx, expected.dx, 1e-11, 1e-11) == "");
  CHECK(difference(got.dweight, expected.dweight, 1e-11, 1e-11) == "");
  CHECK(difference(got.dbias, expected.dbias, 1e-11, 1e-11) == "");
  const auto single = [](const Tensor& t) { return converted(t, DType::f32); };
  const Results f32 = by_kernels(p, single(x), single(weight), single(bias), single(dy), device);
  CHECK(difference(f32.y, expected.y, 1e-5, 2e-5) == "");
  CHECK(difference(f32.dx, expected.dx, 1e-5, 2e-5) == "");
  // Roundings of a sum of n terms near 1 grow with its typical size, the root of n.
  const double summed = 5e-5 + 2e-6 * std::sqrt(static_cast<double>(dy.size(0) * dy.size(2) * dy.size(3)));
  CHECK(difference(f32.dweight, expected.dweight, 1e-5, summed) == "");
  CHECK(difference(f32.dbias, expected.dbias, 1e-5, summed) == "");
}

/// Sizes from 1 to a little above the vector width; experts of very unequal, often no, rows.
Problem random_problem(uint64_t seed) {
  std::mt19937_64 random(seed);
  const auto from = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  const auto one_of = [&](std::initializer_list<int64_t> values) { return values.begin()[random() % values.size()]; };
  const int64_t groups = one_of({1, 1, 1, 2, 3}), channels = groups * one_of({1, 1, 2, 3, 4, 9});
  const int64_t filters = groups * one_of({1, 1, 2, 3, 4, 5, 7, 12}), padding = one_of({0, 0, 1, 2});
  const int64_t kh = one_of({1, 2, 3, 3, 5}), kw = one_of({1, 2, 3, 3, 5});
  const int64_t height = from(std::max<int64_t>(1, kh - 2 * padding), 14);
  const int64_t width = from(std::max<int64_t>(1, kw - 2 * padding), 20);
  const int64_t images = from(0, 9), experts = one_of({0, 1, 2, 5});
  Problem p{{images, channels, height, width},
            {filters, channels / groups, kh, kw},
            {.stride = one_of({1, 1, 1, 2, 3}), .padding = padding, .groups = groups},
            {}};
  int64_t rows = images;
  if (images > 0 && one_of({0, 1}) == 1) {
    rows = from(0, 20);
    p.segments.sample = random_indices({rows}, images, seed);
  }
  if (experts > 0) {
    p.weight = Shape{experts}.concat(p.weight);
    p.segments.offsets = random_offsets(rows, experts, seed + 1);
  }
  return p;
}

}  // namespace

TEST_CASE("conv2d and its gradients agree with naive loops on random sizes", "[kernels][device]") {
  for (const Device device : available_devices()) {
    const uint64_t cases = device.is_cpu() ? 1000 : 150;
    for (uint64_t seed = 0; seed < cases; ++seed) check_problem(random_problem(seed), seed * 10, device);
  }
}

TEST_CASE("convolutions of many channels agree with naive loops on 400 random sizes for each instruction set") {
  for (const kernels::InstructionSet set : instruction_sets()) {
    INFO(to_string(set));
    const WithInstructionSet with(set);
    std::mt19937_64 random(7);
    const auto from = [&](int64_t low, int64_t high) {
      return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
    };
    for (uint64_t seed = 0; seed < 400; ++seed) {
      const int64_t padding = from(0, 2), height = from(3 - std::min<int64_t>(2, 2 * padding), 11), images = from(0, 4);
      const int64_t width = from(3 - std::min<int64_t>(2, 2 * padding), 36), experts = from(1, 3), rows = from(0, 5);
      const int64_t channels = from(16, 19), filters = seed == 0 ? 100 : from(16, 19);
      Problem p{{images, channels, height, width}, {experts, filters, channels, 3, 3}, {.padding = padding}, {}};
      const bool gathered = images > 0 && seed % 2 == 0;
      if (gathered) p.segments.sample = random_indices({rows}, images, seed);
      p.segments.offsets = random_offsets(gathered ? rows : images, experts, seed + 1);
      check_problem(p, seed * 10, Device::cpu());
    }
  }
}

TEST_CASE("conv2d and its gradients agree with naive loops on layers of real sizes", "[kernels][device]") {
  const Segments two{Tensor::from({int64_t{0}, int64_t{67}, int64_t{90}}), random_indices({90}, 50, 1)};
  for (const Device device : available_devices()) {
    check_problem({{50, 1, 28, 28}, {2, 1, 1, 3, 3}, {}, two}, 1, device);
    check_problem({{50, 1, 28, 28}, {2, 8, 1, 5, 5}, {}, two}, 2, device);
    check_problem({{50, 3, 32, 32}, {2, 4, 3, 3, 3}, {.padding = 1}, two}, 3, device);
    check_problem({{40, 16, 8, 8}, {16, 16, 3, 3}, {.padding = 1}, {}}, 4, device);
    check_problem({{40, 16, 8, 8}, {16, 16, 3, 3}, {.stride = 2, .padding = 1}, {}}, 5, device);
    check_problem({{9, 32, 16, 16}, {48, 32, 3, 3}, {.padding = 1}, {}}, 6, device);
  }
}

TEST_CASE("conv2d gives the same bits for any number of threads", "[kernels]") {
  const Segments segments{Tensor::from({int64_t{0}, int64_t{300}, int64_t{301}, int64_t{700}}),
                          random_indices({700}, 200, 1)};
  const int before = num_threads();
  for (const Problem& p : {Problem{{200, 1, 28, 28}, {3, 2, 1, 3, 3}, {}, segments},
                           Problem{{200, 12, 8, 8}, {3, 16, 12, 3, 3}, {.padding = 1}, segments},
                           Problem{{200, 17, 7, 8}, {3, 16, 17, 3, 3}, {.padding = 1}, segments},
                           Problem{{200, 3, 16, 16}, {3, 4, 3, 3, 3}, {.stride = 2, .padding = 1}, segments}}) {
    INFO(p.label());
    const auto run = [&](int threads) {
      set_num_threads(threads);
      const auto make = [](const Shape& shape, uint64_t seed) { return random_tensor(shape, seed, -1, 1, DType::f32); };
      return by_kernels(p, make(p.x, 1), make(p.weight, 2), make(p.weight.range(0, 2), 3),
                        make(kernels::conv2d_shape(p.x, p.weight, p.geometry, p.segments), 4));
    };
    const Results expected = run(1);
    for (int threads : {2, 3, 8}) {
      const Results got = run(threads);
      CHECK(same_bits(got.y, expected.y));
      CHECK(same_bits(got.dx, expected.dx));
      CHECK(same_bits(got.dweight, expected.dweight));
      CHECK(same_bits(got.dbias, expected.dbias));
    }
  }
  set_num_threads(before);
}

TEST_CASE("an image of infinities does not reach the others", "[kernels]") {
  // The vectors of one image end where the next begins: nothing of it may be read.
  Tensor x = Tensor::full({3, 1, 7, 9}, 1);
  x[1].mutable_values<float>();
  for (float& value : x[1].mutable_values<float>()) value = INFINITY;
  const Tensor weight = Tensor::full({1, 1, 3, 3}, 1), bias = Tensor::zeros({1});
  for (int64_t padding : {0, 1}) {
    const Conv2dGeometry geometry{.padding = padding};
    Tensor y = Tensor::empty(kernels::conv2d_shape(x.shape(), weight.shape(), geometry, {}));
    kernels::conv2d(x, weight, bias, geometry, {}, y);
    for (float value : y[0].values<float>()) CHECK(value <= 9);
    for (float value : y[2].values<float>()) CHECK(value <= 9);
  }
}

TEST_CASE("the conv2d kernels refuse outputs that do not fit", "[kernels]") {
  const Tensor x = Tensor::zeros({2, 1, 5, 5}), weight = Tensor::zeros({3, 1, 3, 3}), none;
  Tensor y = Tensor::zeros({2, 3, 3, 3}), wrong = Tensor::zeros({2, 3, 3, 4}),
         integers = Tensor::zeros({2, 3, 3, 3}, DType::i32);
  Tensor dx = Tensor::zeros(x.shape()), dweight = Tensor::zeros(weight.shape()), dbias = Tensor::zeros({3}), absent;
  CHECK_THROWS_AS(kernels::conv2d(x, weight, none, {}, {}, wrong), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d(x, weight, none, {}, {}, integers), DTypeError);
  CHECK_THROWS_AS(kernels::conv2d_backward_input(wrong, weight, {}, {}, dx), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_backward_input(y, weight, {}, {}, integers), DTypeError);
  CHECK_THROWS_AS(kernels::conv2d_backward_weight(x, wrong, weight.shape(), {}, {}, dweight, dbias), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_backward_weight(x, y, weight.shape(), {}, {}, dbias, dbias), ShapeError);
  CHECK_THROWS_AS(kernels::conv2d_backward_weight(x, y, weight.shape(), {}, {}, dweight, dweight), ShapeError);
  CHECK_NOTHROW(kernels::conv2d_backward_weight(x, y, weight.shape(), {}, {}, absent, absent));
}

TEST_CASE("a convolution has the same bits before and after another product") {
  // To matter, the filters must be longer than what is summed in one go.
  const Problem p{{2, 512, 9, 9}, {16, 512, 3, 3}, {}, {}};
  const Tensor x = random_tensor(p.x, 1, -1, 1, DType::f32), weight = random_tensor(p.weight, 2, -1, 1, DType::f32);
  const Tensor bias = random_tensor({16}, 3, -1, 1, DType::f32),
               dy = random_tensor({2, 16, 7, 7}, 4, -1, 1, DType::f32);
  const Results before = by_kernels(p, x, weight, bias, dy);
  Tensor product = Tensor::empty({16, 16});
  kernels::matmul(bias.reshape({16, 1}), bias.reshape({1, 16}), {}, product);
  const Results after = by_kernels(p, x, weight, bias, dy);
  CHECK(same_bits(before.y, after.y));
  CHECK(same_bits(before.dx, after.dx));
  CHECK(same_bits(before.dweight, after.dweight));
  CHECK(same_bits(before.dbias, after.dbias));
}

}  // namespace divvy::test
