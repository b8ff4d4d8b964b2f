#include "kernels/grouped_matmul.h"

#include <algorithm>
#include <cmath>
#include <random>

#include "kernels/precision.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/instruction_sets.h"
#include "tests/support/random_routing.h"

namespace divvy::test {

namespace {

struct Results {
  Tensor y, dx, dweight, dbias;
};

/// Runs the four kernels; the outputs hold NaN before, so that an element left unwritten shows.
Results run(const Tensor& x, const Tensor& weight, const Tensor& bias, const Tensor& dy, const Segments& segments,
            Device device = Device::cpu(), Precision precision = Precision::f32) {
  const auto on = [&](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  const auto nan_like = [&](const Tensor& t) { return on(Tensor::full(t.shape(), std::nan(""), t.dtype())); };
  Results r{nan_like(dy), nan_like(x), nan_like(weight), nan_like(bias)};
  const Tensor in = on(x), w = on(weight), up = on(dy);
  const Segments there{on(segments.offsets), on(segments.sample)};
  kernels::grouped_matmul(in, w, on(bias), there, r.y, precision);
  kernels::grouped_matmul_backward_input(up, w, there, r.dx, precision);
  kernels::grouped_matmul_backward_weight(in, up, there, r.dweight, precision);
  kernels::grouped_matmul_backward_bias(up, there, r.dbias);
  for (Tensor* t : {&r.y, &r.dx, &r.dweight, &r.dbias}) *t = t->to(Device::cpu());
  return r;
}

void check_against(const Results& got, const NaiveGroupedMatmul& naive, const Tensor& x, const Tensor& weight,
                   const Tensor& bias, const Tensor& dy) {
  const auto expected = naive.backward(x, weight, dy);
  CHECK(difference(got.y, naive.forward(x, weight, bias), 1e-11, 1e-12) == "");
  CHECK(difference(got.dx, expected.dx, 1e-11, 1e-12) == "");
  CHECK(difference(got.dweight, expected.dweight, 1e-11, 1e-12) == "");
  CHECK(difference(got.dbias, expected.dbias, 1e-11, 1e-12) == "");
}

/// The same in f32 on every device, and on every instruction set that the machine has, against the loops in f64 on the
/// same values.
void check_f32(const NaiveGroupedMatmul& naive, const Tensor& x, const Tensor& weight, const Tensor& bias,
               const Tensor& dy, const Segments& segments, bool devices) {
  const auto f32 = [](const Tensor& t) { return converted(t, DType::f32); };
  const auto f64 = [](const Tensor& t) { return converted(t, DType::f64); };
  const Tensor rounded_x = f64(f32(x)), rounded_w = f64(f32(weight)), rounded_b = f64(f32(bias)),
               rounded_dy = f64(f32(dy));
  const auto expected = naive.backward(rounded_x, rounded_w, rounded_dy);
  const Tensor y = naive.forward(rounded_x, rounded_w, rounded_b);
  const auto compare = [&](Device device) {
    const Results got = run(f32(x), f32(weight), f32(bias), f32(dy), segments, device);
    CHECK(difference(f64(got.y), y, 1e-5, 1e-5) == "");
    CHECK(difference(f64(got.dx), expected.dx, 1e-5, 1e-5) == "");
    CHECK(difference(f64(got.dweight), expected.dweight, 1e-5, 2e-5) == "");
    CHECK(difference(f64(got.dbias), expected.dbias, 1e-5, 2e-5) == "");
  };
  for (const kernels::InstructionSet set : instruction_sets()) {
    const WithInstructionSet with(set);
    INFO(to_string(set));
    compare(Device::cpu());
  }
  for (const Device device : available_devices()) {
    INFO(device.to_string());
    if (devices && !device.is_cpu()) compare(device);
  }
}

}  // namespace

TEST_CASE("grouped products of 1,200 random routings agree with plain loops", "[device]") {
  std::mt19937_64 random(17);
  const auto up_to = [&](int64_t most) { return std::uniform_int_distribution<int64_t>(0, most)(random); };
  for (int i = 0; i < 1200; ++i) {
    // Every tenth case is large enough for several tiles of rows.
    const int64_t samples = up_to(i % 10 == 0 ? 300 : 12), experts = 1 + up_to(8), k = 1 + up_to(experts - 1);
    const int64_t inputs = up_to(i % 4 == 0 ? 40 : 7), outputs = up_to(i % 4 == 0 ? 40 : 7);
    const double skew = std::vector{0.0, 0.5, 3.0, 30.0}[static_cast<size_t>(up_to(3))];
    INFO("case " << i << ": " << samples << " samples, " << experts << " experts, k " << k << ", skew " << skew << ", "
                 << inputs << " -> " << outputs);
    Routed routed = random_routing(samples, experts, k, skew, random);
    const bool gathered = i % 3 != 0;
    if (!gathered) {
      routed.naive.sample.clear();
      routed.segments.sample = Tensor();
    }
    const int64_t rows = routed.naive.offsets.back(), sources = gathered ? samples : rows;
    const Tensor x = random_tensor({sources, inputs}, random()),
                 weight = random_tensor({experts, outputs, inputs}, random());
    const Tensor bias = random_tensor({experts, outputs}, random()), dy = random_tensor({rows, outputs}, random());
    for (const Device device : available_devices()) {
      if (!device.is_cpu() && i >= 300) continue;
      INFO(device.to_string());
      check_against(run(x, weight, bias, dy, routed.segments, device), routed.naive, x, weight, bias, dy);
    }
    check_f32(routed.naive, x, weight, bias, dy, routed.segments, i < 300);
  }
}

TEST_CASE("grouped products over several tiles of every kind agree with plain loops", "[device]") {
  std::mt19937_64 random(18);
  struct Case {
    int64_t samples, experts, k;
    double skew;
    int64_t inputs, outputs;
  };
  // Rows beyond a panel, features beyond a tile of columns and of depth, and one expert with enough rows to be cut in
  // pieces.
  for (const Case& c : {Case{300, 3, 2, 0.5, 270, 130},
                        {200, 2, 1, 0, 257, 300},
                        {1500, 4, 1, 30, 9, 5},
                        {700, 1, 1, 0, 3, 2},
                        {150, 2, 2, 0.1, 68, 132},
                        {90, 3, 1, 0.5, 36, 12}}) {
    INFO(c.samples << " samples, " << c.inputs << " -> " << c.outputs);
    const Routed routed = random_routing(c.samples, c.experts, c.k, c.skew, random);
    const int64_t rows = routed.naive.offsets.back();
    const Tensor x = random_tensor({c.samples, c.inputs}, random());
    const Tensor weight = random_tensor({c.experts, c.outputs, c.inputs}, random());
    const Tensor bias = random_tensor({c.experts, c.outputs}, random()),
                 dy = random_tensor({rows, c.outputs}, random());
    for (const Device device : available_devices()) {
      INFO(device.to_string());
      check_against(run(x, weight, bias, dy, routed.segments, device), routed.naive, x, weight, bias, dy);
    }
    check_f32(routed.naive, x, weight, bias, dy, routed.segments, true);
  }
}

TEST_CASE("grouped products have the same bits whether their operands can be read by fours or not", "[device]") {
  std::mt19937_64 random(23);
  for (const auto& [inputs, outputs] : {std::pair<int64_t, int64_t>{24, 12}, {40, 100}, {100, 160}}) {
    const Routed routed = random_routing(120, 3, 2, 0.5, random);
    const auto single = [&](const Shape& shape) { return random_tensor(shape, random(), -1, 1, DType::f32); };
    const Tensor x = single({120, inputs}), weight = single({3, outputs, inputs}), bias = single({3, outputs});
    const Tensor dy = single({240, outputs});
    for (const Device device : available_devices()) {
      INFO(inputs << " -> " << outputs << " on " << device.to_string());
      const auto shifted = [&](const Tensor& t) {
        Tensor result = Tensor::empty({t.numel() + 1}, t.dtype(), device).slice(1, t.numel() + 1).reshape(t.shape());
        result.copy_from(t);
        return result;
      };
      const Results wide = run(x, weight, bias, dy, routed.segments, device);
      const Results narrow = run(shifted(x), shifted(weight), shifted(bias), shifted(dy), routed.segments, device);
      CHECK(same_bits(narrow.y, wide.y));
      CHECK(same_bits(narrow.dx, wide.dx));
      CHECK(same_bits(narrow.dweight, wide.dweight));
      CHECK(same_bits(narrow.dbias, wide.dbias));
    }
  }
}

namespace {

/// Every value rounded to what `precision` keeps of its mantissa: ties away from zero in tf32, to even in bf16.
Tensor rounded(const Tensor& t, Precision precision) {
  Tensor result = converted(t, DType::f64);
  for (double& value : result.mutable_values<double>()) {
    if (value == 0) continue;
    const double unit = std::exp2(std::floor(std::log2(std::abs(value))) - (precision == Precision::tf32 ? 10 : 7));
    value = unit * (precision == Precision::tf32 ? std::round(value / unit) : std::nearbyint(value / unit));
  }
  return result;
}

}  // namespace

TEST_CASE("grouped products in another precision are those of rounded operands", "[device]") {
  std::mt19937_64 random(21);
  struct Case {
    int64_t samples, experts, k;
    double skew;
    int64_t inputs, outputs;
  };
  // Sizes that can be read by fours and sizes that cannot; several tiles in each direction; empty experts; one with all
  // rows, cut in pieces.
  const Case cases[] = {{20, 3, 2, 0.5, 32, 16},   {20, 3, 2, 0.5, 33, 17}, {1, 1, 1, 0, 1, 1},
                        {150, 2, 2, 0.1, 68, 132}, {70, 4, 1, 3, 130, 20},  {40, 5, 1, 30, 12, 8},
                        {600, 2, 1, 30, 9, 12},    {0, 2, 1, 0, 8, 8}};
  for (const Case& c : cases) {
    const Routed routed = random_routing(c.samples, c.experts, c.k, c.skew, random);
    const int64_t rows = routed.naive.offsets.back();
    const auto single = [&](const Shape& shape) { return random_tensor(shape, random(), -1, 1, DType::f32); };
    const Tensor x = single({c.samples, c.inputs}), weight = single({c.experts, c.outputs, c.inputs}),
                 bias = single({c.experts, c.outputs}), dy = single({rows, c.outputs});
    for (const Precision precision : {Precision::tf32, Precision::bf16}) {
      for (const Device device : available_devices()) {
        INFO(device.to_string() << ' ' << name_of(precision) << ", " << c.samples << " samples, " << c.inputs << " -> "
                                << c.outputs);
        // The sums of the bias have nothing to round; nor has a CPU with tf32, or without bf16.
        const bool exact = !kernels::has_precision(device, precision);
        const auto used = [&](const Tensor& t) { return exact ? converted(t, DType::f64) : rounded(t, precision); };
        const Results got = run(x, weight, bias, dy, routed.segments, device, precision);
        const auto f64 = [](const Tensor& t) { return converted(t, DType::f64); };
        const auto expected = routed.naive.backward(used(x), used(weight), used(dy));
        CHECK(difference(f64(got.y), routed.naive.forward(used(x), used(weight), f64(bias)), 1e-5, 1e-5) == "");
        CHECK(difference(f64(got.dx), expected.dx, 1e-5, 1e-5) == "");
        CHECK(difference(f64(got.dweight), expected.dweight, 1e-5, 2e-5) == "");
        CHECK(difference(f64(got.dbias), routed.naive.backward(f64(x), f64(weight), f64(dy)).dbias, 1e-5, 2e-5) == "");
      }
    }
  }
}

TEST_CASE("grouped products have the same bits for any number of threads") {
  std::mt19937_64 random(19);
  const int before = num_threads();
  for (const DType dtype : {DType::f32, DType::f64}) {
    for (const double skew : {0.1, 30.0}) {
      const Routed routed = random_routing(700, 10, 2, skew, random);
      const Tensor x = random_tensor({700, 300}, 1, -1, 1, dtype),
                   weight = random_tensor({10, 260, 300}, 2, -1, 1, dtype);
      const Tensor bias = random_tensor({10, 260}, 3, -1, 1, dtype), dy = random_tensor({1400, 260}, 4, -1, 1, dtype);
      set_num_threads(1);
      const Results expected = run(x, weight, bias, dy, routed.segments);
      for (const int threads : {2, 3, 4, 8}) {
        INFO(name_of(dtype) << ", skew " << skew << ", " << threads << " threads");
        set_num_threads(threads);
        const Results got = run(x, weight, bias, dy, routed.segments);
        CHECK(same_bits(got.y, expected.y));
        CHECK(same_bits(got.dx, expected.dx));
        CHECK(same_bits(got.dweight, expected.dweight));
        CHECK(same_bits(got.dbias, expected.dbias));
      }
      set_num_threads(before);
    }
  }
}

TEST_CASE("grouped product kernels refuse what does not fit") {
  const Tensor x = Tensor::zeros({4, 3}), weight = Tensor::zeros({2, 5, 3}), bias = Tensor::zeros({2, 5});
  Tensor y = Tensor::zeros({4, 5}), wide = Tensor::zeros({4, 6}), narrow = Tensor::zeros({4, 2});
  Tensor dx = Tensor::zeros({4, 3}), dweight = Tensor::zeros({2, 5, 3}), dbias = Tensor::zeros({2, 5});
  Tensor wide_dweight = Tensor::zeros({2, 5, 4}), double_dbias = Tensor::zeros({2, 5}, DType::f64);
  const Segments segments{Tensor::from<int64_t>({0, 1, 4}), {}}, decreasing{Tensor::from<int64_t>({0, 5, 4}), {}};
  CHECK_THROWS_AS(kernels::grouped_matmul(x, weight, bias, segments, wide), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul(x, weight, Tensor::zeros({2, 4}), segments, y), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul(x, weight.reshape({10, 3}), bias, segments, y), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul(x, weight, bias, {}, y), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul(x, weight, bias, decreasing, y), ValueError);
  CHECK_THROWS_AS(kernels::grouped_matmul(x, Tensor(), bias, segments, y), ValueError);
  CHECK_THROWS_AS(kernels::grouped_matmul_backward_input(y, weight, segments, narrow), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul_backward_input(wide, weight, segments, dx), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul_backward_weight(x, y, segments, wide_dweight), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul_backward_weight(x, wide, segments, dweight), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul_backward_bias(wide, segments, dbias), ShapeError);
  CHECK_THROWS_AS(kernels::grouped_matmul_backward_bias(y, segments, double_dbias), DTypeError);
}

}  // namespace divvy::test
