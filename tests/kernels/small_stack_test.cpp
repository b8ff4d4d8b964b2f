#include "kernels/small_stack.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/instruction_sets.h"
#include "tests/support/naive_small_stack.h"
#include "tests/support/small_stack_case.h"

namespace divvy::test {

namespace {

using kernels::InstructionSet;
using kernels::SmallStackParameters;
using Case = SmallStackCase;
using Results = SmallStackResults;

}  // namespace

TEST_CASE("small_stack agrees with naive loops in 1,200 random cases", "[kernel][device]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1200; ++i) {
    const Case c = random_small_stack(random);
    const Results expected = naive_results(c);
    INFO("case " << i << ": " << c.text());
    CHECK(compared(run(c, DType::f64), expected, 1e-13, 1e-13) == "");
    for (const InstructionSet set : instruction_sets()) {
      const WithInstructionSet with(set);
      INFO(to_string(set));
      CHECK(compared(run(c, DType::f32), expected, 2e-6, 1e-6) == "");
    }
    for (const Device device : available_devices()) {
      if (device.is_cpu() || i >= 300) continue;
      INFO(device.to_string());
      CHECK(compared(run(c, DType::f64, device), expected, 1e-13, 1e-13) == "");
      CHECK(compared(run(c, DType::f32, device), expected, 2e-6, 1e-6) == "");
    }
  }
}

TEST_CASE("small_stack gives on every device what it gives on the CPU", "[kernel][device]") {
  // Several tiles an expert; then samples too large for the memory of a multiprocessor, and too large to share it.
  Case wide = mnist_small_stack(5, 2, 6), wider = mnist_small_stack(3, 2, 7);
  for (Case* c : {&wide, &wider}) {
    const int64_t side = c == &wide ? 90 : 170;
    c->x = {c->x[0], 1, side, side};
    const NaiveSmallStack naive(c->x, c->layers);
    c->input = random_tensor(c->x, 1, -1, 1);
    c->parameters.weights[1] = random_tensor(naive.weight(2, 1), 2, -0.1, 0.1);
  }
  for (const Case& c : {mnist_small_stack(70, 3, 5), wide, wider}) {
    INFO(c.text());
    const Results expected = run(c, DType::f64);
    for (const Device device : available_devices()) {
      INFO(device.to_string());
      CHECK(compared(run(c, DType::f64, device), expected, 1e-11, 1e-11) == "");
      CHECK(compared(run(c, DType::f32, device), expected, 1e-4, 1e-4) == "");
    }
  }
}

TEST_CASE("small_stack of every instruction set agrees with the others", "[kernel]") {
  const Case c = mnist_small_stack(70, 3, 5);
  const Results expected = run(c, DType::f64);
  for (const InstructionSet set : instruction_sets()) {
    const WithInstructionSet with(set);
    INFO(to_string(set));
    CHECK(compared(run(c, DType::f32), expected, 1e-4, 1e-4) == "");
  }
}

TEST_CASE("small_stack gives the same bits for any number of threads", "[kernel]") {
  const int before = num_threads();
  const Case c = mnist_small_stack(300, 4, 7);
  for (const InstructionSet set : instruction_sets()) {
    const WithInstructionSet with(set);
    set_num_threads(1);
    const std::vector<Tensor> expected = run(c, DType::f32).all();
    for (int threads = 2; threads <= 4; ++threads) {
      set_num_threads(threads);
      const std::vector<Tensor> results = run(c, DType::f32).all();
      for (size_t i = 0; i < results.size(); ++i) CHECK(same_bits(results[i], expected[i]));
    }
  }
  set_num_threads(before);
}

TEST_CASE("small_stack gives a sample the same bits in whichever lane and company it is", "[kernel]") {
  Case c = mnist_small_stack(40, 1, 9);
  const Tensor all = run(c, DType::f32).y;
  for (int64_t begin : {1, 15, 16, 39}) {
    Case part = c;
    part.offsets = {0, 40 - begin};
    part.sample.assign(c.sample.begin() + begin, c.sample.end());
    part.dy = c.dy.slice(begin, 40);
    CHECK(same_bits(run(part, DType::f32).y, all.slice(begin, 40).clone()));
  }
}

TEST_CASE("small_stack passes numbers that are not finite on, as layer by layer would", "[kernel][device]") {
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  // A pixel in each corner and in the middle: those at a corner are read by one result alone.
  for (const int64_t pixel : {0, 27, 27 * 28, 783, 400}) {
    for (const double value : {kNan, kInfinity, -kInfinity}) {
      Case c = mnist_small_stack(20, 2, 11);
      c.input.mutable_values<double>()[static_cast<size_t>(3 * 784 + pixel)] = value;
      for (double& w : c.parameters.weights[0].mutable_values<double>()) w = value < 0 ? -std::abs(w) : std::abs(w);
      for (const InstructionSet set : instruction_sets()) {
        const WithInstructionSet with(set);
        const std::vector<double> y = run(c, DType::f32).y.to_doubles();
        for (size_t n = 0; n < 40; ++n) {
          const bool finite =
              std::all_of(y.begin() + static_cast<int64_t>(n) * 10, y.begin() + static_cast<int64_t>(n) * 10 + 10,
                          [](double v) { return std::isfinite(v); });
          CHECK(finite == (n % 20 != 3));
        }
      }
    }
  }
  Case c = mnist_small_stack(20, 2, 12);
  c.parameters.weights[0].mutable_values<double>()[12] = kNan;  // of the second expert
  for (const Device device : available_devices()) {
    const std::vector<double> y = run(c, DType::f32, device).y.to_doubles();
    CHECK(std::isfinite(y[0]));
    CHECK(std::isnan(y[200]));
  }
}

TEST_CASE("small_stack refuses what does not fit", "[kernel]") {
  Case c = mnist_small_stack(4, 2, 17);
  const auto throws = [](const auto& call, const std::string& text) {
    try {
      call();
    } catch (const Error& error) {
      INFO(error.what());
      CHECK(std::string(error.what()).find(text) != std::string::npos);
      return;
    }
    FAIL("nothing was thrown where an error with '" << text << "' was expected");
  };
  const auto with = [&](const auto& change) {
    Case changed = c;
    change(changed);
    return [changed] { run(changed, DType::f64); };
  };
  throws(with([](Case& k) { k.layers[0].kernel = 4; }), "layer 0 (1 filters of 4x4");
  throws(with([](Case& k) { k.layers[0].padding = 3; }), "does not fit samples of shape [1, 28, 28]");
  throws(with([](Case& k) { k.layers[1].pool = true; }), "layer 1 (5 features) does not fit");
  throws(with([](Case& k) { k.layers.clear(), k.parameters = {}; }), "no layers");
  throws(with([](Case& k) {
           k.parameters.weights[1] = Tensor::zeros({2, 5, 168}, DType::f64);
         }),
         "the weight of layer 1 must be [2, 5, 169], got [2, 5, 168]");
  throws(with([](Case& k) { k.parameters.biases[2] = Tensor::zeros({2, 11}, DType::f64); }), "the bias of layer 2");
  throws(with([](Case& k) { k.offsets = {0, 8}; }), "segments.offsets must be [3]");
  throws(with([](Case& k) { k.sample[2] = 4; }), "segments.sample");
  throws(with([](Case& k) { k.dy = Tensor::zeros({8, 9}, DType::f64); }), "dy must be [8, 10]");
  throws(
      [&] {
        Tensor y = Tensor::empty({8, 10}, DType::f64);
        SmallStackParameters few = c.parameters;
        few.biases.pop_back();
        kernels::small_stack(c.input, c.layers, few, c.segments(), y, nullptr);
      },
      "3 layers need as many weights and biases, got 3 and 2");
  throws(
      [&] {
        Tensor y = Tensor::empty({8, 10}, DType::f32);
        kernels::small_stack(c.input, c.layers, c.parameters, c.segments(), y, nullptr);
      },
      "output must be f64");
  throws(
      [&] {
        Tensor dx;
        SmallStackParameters gradients{std::vector<Tensor>(3), std::vector<Tensor>(3)};
        kernels::small_stack_backward(c.input, c.layers, c.parameters, c.segments(), {}, c.dy, dx, gradients);
      },
      "the forward pass has kept nothing");
  CHECK_FALSE(kernels::small_stack_fits({1, 28, 28}, {}));
  CHECK_FALSE(kernels::small_stack_fits({1, 28, 28}, {{.out = 3}}));
  CHECK_FALSE(kernels::small_stack_fits({4}, {{.out = 3, .kernel = 3}}));
  CHECK_FALSE(kernels::small_stack_fits({4}, {{.out = 0}}));
  CHECK_FALSE(kernels::small_stack_fits({1, 2, 9}, {{.out = 1, .kernel = 3}}));
  CHECK_FALSE(kernels::small_stack_fits({1, 3, 9}, {{.out = 1, .kernel = 3, .pool = true}}));
  CHECK(kernels::small_stack_fits({1, 4, 9}, {{.out = 1, .kernel = 3, .pool = true}, {.out = 2}}));
}

TEST_CASE("small_stack pays in f32, for small layers and enough rows", "[kernel][device]") {
  const Shape image{1, 28, 28};
  const std::vector<SmallLayer> layers = mnist_small_stack(1, 1, 1).layers;
  for (const Device device : available_devices()) {
    const auto pays = [&](const Shape& sample, const std::vector<SmallLayer>& stack, int64_t experts, int64_t rows) {
      return kernels::small_stack_pays({device, DType::f32, experts, rows}, sample, stack);
    };
    CHECK(pays(image, layers, 10, 5120));
    CHECK(pays(image, layers, 0, 512));
    CHECK_FALSE(kernels::small_stack_pays({device, DType::f64, 10, 5120}, image, layers));
    CHECK_FALSE(pays(image, {}, 10, 5120));
    CHECK_FALSE(pays({1, 2, 2}, layers, 10, 5120));  // no place for a filter
    CHECK_FALSE(pays({1024}, {{.out = 4096}}, 0, 512));
    CHECK_FALSE(pays({16, 28, 28}, {{.out = 16, .kernel = 3}}, 0, 512));
    CHECK(pays(image, layers, 0, 512).why_not.empty());
    CHECK(pays(image, {}, 0, 512).why_not == "no layers");
    CHECK(pays(image, {{.out = 2, .kernel = 7}}, 0, 512).why_not == "filters of 7x7 rather than 3x3 or 5x5");
    CHECK(pays({1, 2, 2}, layers, 10, 5120).why_not == "sizes that do not fit");
    CHECK(pays(image, {{.out = 2}}, 0, 512).why_not == "samples that are no features");
    CHECK(kernels::small_stack_pays({device, DType::f64, 10, 5120}, image, layers).why_not == "f64 rather than f32");
    if (!device.is_cpu()) continue;
    CHECK(pays(image, layers, 10, 40));
    CHECK(pays(image, layers, 10, 39).why_not == "39 rows of at least 40");
    CHECK(pays({16, 28, 28}, {{.out = 17, .kernel = 3}}, 0, 512).why_not == "17 channels of at most 8");
    CHECK(pays({1024}, {{.out = 4096}}, 0, 512).why_not == "4194304 weights of at most 8192");
    CHECK_FALSE(pays(image, layers, 0, 0));
    for (const int64_t experts : {0, 1}) {
      CHECK(pays({128}, {{.out = 64}}, experts, 32));
      CHECK_FALSE(pays({128}, {{.out = 64}}, experts, 31));
      CHECK_FALSE(pays({128}, {{.out = 65}}, experts, 32));
    }
    // Behind a convolution, linear layers may be wider.
    CHECK(pays({8, 10, 10}, {{.out = 8, .kernel = 3}, {.out = 64}}, 0, 4));
    CHECK_FALSE(pays({8, 10, 10}, {{.out = 8, .kernel = 3}, {.out = 65}}, 0, 4));
    CHECK_FALSE(pays({8, 10, 10}, {{.out = 9, .kernel = 3}, {.out = 2}}, 0, 4));
  }
}

}  // namespace divvy::test
