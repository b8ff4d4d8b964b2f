#include "kernels/small_stack.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "kernels/cpu/instruction_set.h"
#include "kernels/flops.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/naive_small_stack.h"

namespace divvy::test {

namespace {

using kernels::SmallStackParameters;
using kernels::SmallStackSaved;
using kernels::cpu::ForceInstructionSet;
using kernels::cpu::InstructionSet;

std::vector<InstructionSet> instruction_sets() {
  std::vector<InstructionSet> result;
  for (const auto set : {InstructionSet::plain, InstructionSet::avx2, InstructionSet::avx512}) {
    if (kernels::cpu::machine_has(set)) result.push_back(set);
  }
  return result;
}

/// Multiples of 1/4 in [-1, 1]: sums of products of few layers are exact in f32, so that values with ties agree too.
Tensor quarters(const Shape& shape, std::mt19937_64& random) {
  Tensor result = Tensor::empty(shape, DType::f64);
  std::uniform_int_distribution<int> value(-4, 4);
  for (double& v : result.mutable_values<double>()) v = value(random) / 4.;
  return result;
}

struct Case {
  Shape x;
  std::vector<SmallLayer> layers;
  std::vector<int64_t> offsets, sample;  // no sample: the rows themselves
  Tensor input, dy;
  SmallStackParameters parameters;

  Segments segments() const {
    Segments result{Tensor::from(offsets, {static_cast<int64_t>(offsets.size())}), {}};
    if (sampled) result.sample = Tensor::from(sample, {static_cast<int64_t>(sample.size())});
    return result;
  }
  bool sampled = false;

  std::string text() const {
    std::string text = fmt::format("x {}, offsets {}, sampled {};", x, fmt::join(offsets, " "), sampled);
    for (const SmallLayer& l : layers) {
      text += fmt::format(" [{} k{} p{} relu {} pool {}]", l.out, l.kernel, l.padding, l.relu, l.pool);
    }
    return text;
  }
};

int64_t below(int64_t limit, std::mt19937_64& random) {
  return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
}

/// Mostly tiny images; sometimes as wide as a first layer can have with neighbouring pixels in the lanes, and wider.
Shape random_sample(std::mt19937_64& random) {
  switch (below(8, random)) {
    case 0:
    case 1: return {1 + below(20, random)};
    case 2: return {20 + below(60, random)};
    case 3: return {1 + below(2, random), 3 + below(4, random), 26 + below(12, random)};
    default: return {1 + below(3, random), 3 + below(6, random), 3 + below(6, random)};
  }
}

/// Random layers that fit samples of the shape.
std::vector<SmallLayer> random_layers(Shape shape, std::mt19937_64& random) {
  while (true) {
    std::vector<SmallLayer> layers;
    const int64_t convolutions = shape.rank() == 3 ? 1 + below(2, random) : 0;
    for (int64_t i = 0; i < convolutions; ++i) {
      const int64_t kernel = below(2, random) == 0 ? 3 : 5;
      layers.push_back({.out = 1 + below(4, random),
                        .kernel = kernel,
                        .padding = below(kernel, random),
                        .relu = below(3, random) > 0,
                        .pool = below(2, random) == 0});
    }
    for (int64_t i = below(3, random) + (convolutions == 0 ? 1 : 0); i > 0; --i) {
      const int64_t out = below(4, random) == 0 ? 16 + below(24, random) : 1 + below(13, random);
      layers.push_back({.out = out, .relu = below(2, random) == 0});
    }
    if (kernels::small_stack_fits(shape, layers)) return layers;
  }
}

Case random_case(std::mt19937_64& random) {
  constexpr int64_t kRows[] = {0, 1, 2, 7, 15, 16, 17, 31, 33, 50};
  Case c;
  int64_t samples = kRows[below(10, random)];
  const int64_t experts = 1 + below(5, random), kind = below(4, random);
  if (samples == 0 && kind == 2) samples = 1;
  const Shape sample = random_sample(random);
  c.x = Shape{samples}.concat(sample);
  c.layers = random_layers(sample, random);
  if (kind == 0) {  // every expert has every sample, or some of them nothing
    const bool skip = below(2, random) == 0;
    c.offsets = {0};
    for (int64_t e = 0; e < experts; ++e) {
      const bool has = !skip || below(2, random) == 0;
      for (int64_t b = 0; has && b < samples; ++b) c.sample.push_back(b);
      c.offsets.push_back(static_cast<int64_t>(c.sample.size()));
    }
    c.sampled = true;
  } else if (kind == 1) {  // rows in place
    const Tensor offsets = random_offsets(samples, experts, random());
    c.offsets = {offsets.values<int64_t>().begin(), offsets.values<int64_t>().end()};
  } else {  // k choices of each sample, with a skew up to all of them at one expert
    const int64_t k = 1 + below(experts, random);
    const double skew = static_cast<double>(below(3, random)) * 2;
    std::vector<double> weights;
    for (int64_t e = 0; e < experts; ++e) weights.push_back(std::pow(static_cast<double>(e + 1), -skew));
    std::discrete_distribution<int64_t> expert(weights.begin(), weights.end());
    std::vector<std::vector<int64_t>> rows(static_cast<size_t>(experts));
    for (int64_t b = 0; b < samples * k; ++b) {
      rows[static_cast<size_t>(skew > 2 ? 0 : expert(random))].push_back(b / k);
    }
    c.offsets = {0};
    for (const auto& own : rows) {
      c.sample.insert(c.sample.end(), own.begin(), own.end());
      c.offsets.push_back(static_cast<int64_t>(c.sample.size()));
    }
    c.sampled = true;
  }
  const NaiveSmallStack naive(c.x, c.layers);
  c.input = quarters(c.x, random);
  for (size_t l = 0; l < c.layers.size(); ++l) {
    c.parameters.weights.push_back(quarters(naive.weight(experts, l), random));
    c.parameters.biases.push_back(below(4, random) == 0 ? Tensor() : quarters({experts, c.layers[l].out}, random));
  }
  c.dy = quarters(naive.result(c.offsets.back()), random);
  return c;
}

struct Results {
  Tensor y, dx;
  SmallStackParameters gradients;
  std::vector<Tensor> all() const {
    std::vector<Tensor> result{y, dx};
    for (const auto& list : {gradients.weights, gradients.biases}) {
      for (const Tensor& t : list) {
        if (t.defined()) result.push_back(t);
      }
    }
    return result;
  }
};

Results run(const Case& c, DType dtype, Device device = Device::cpu()) {
  const auto on = [&](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  const auto given = [&](const Tensor& t) { return t.defined() ? on(converted(t, dtype)) : t; };
  SmallStackParameters parameters;
  Results r;
  for (size_t l = 0; l < c.layers.size(); ++l) {
    const Tensor weight = given(c.parameters.weights[l]), bias = given(c.parameters.biases[l]);
    parameters.weights.push_back(weight);
    parameters.biases.push_back(bias);
    r.gradients.weights.push_back(Tensor::empty_like(weight));
    r.gradients.biases.push_back(bias ? Tensor::empty_like(bias) : Tensor());
  }
  const Tensor x = given(c.input), dy = given(c.dy);
  const Segments host = c.segments(), segments{on(host.offsets), on(host.sample)};
  SmallStackSaved saved;
  r.y = Tensor::empty(kernels::small_stack_shape(c.x, c.layers, segments), dtype, device);
  kernels::small_stack(x, c.layers, parameters, segments, r.y, &saved);
  Tensor y = Tensor::empty_like(r.y);
  kernels::small_stack(x, c.layers, parameters, segments, y, nullptr);
  CHECK(same_bits(y.to(Device::cpu()), r.y.to(Device::cpu())));
  r.dx = Tensor::empty(c.x, dtype, device);
  kernels::small_stack_backward(x, c.layers, parameters, segments, saved, dy, r.dx, r.gradients);
  r.y = r.y.to(Device::cpu()), r.dx = r.dx.to(Device::cpu());
  for (auto* list : {&r.gradients.weights, &r.gradients.biases}) {
    for (Tensor& t : *list) {
      if (t.defined()) t = t.to(Device::cpu());
    }
  }
  return r;
}

std::string compared(const Results& a, const Results& b, double rtol, double atol) {
  const auto left = a.all(), right = b.all();
  std::string text;
  for (size_t i = 0; i < left.size(); ++i) {
    const std::string one = difference(converted(left[i], DType::f64), converted(right[i], DType::f64), rtol, atol);
    if (!one.empty())
      text += fmt::format("{}: {}\n", i == 0 ? "y" : i == 1 ? "dx" : fmt::format("parameter {}", i - 2), one);
  }
  return text;
}

Results naive_results(const Case& c) {
  const NaiveSmallStack naive(c.x, c.layers);
  auto [dx, gradients] = naive.backward(c.input, c.parameters, c.offsets, c.sample, c.dy);
  return {naive.forward(c.input, c.parameters, c.offsets, c.sample), dx, gradients};
}

/// Ten experts as for MNIST, on a batch of noise.
Case mnist_case(int64_t samples, int64_t experts, uint64_t seed) {
  std::mt19937_64 random(seed);
  Case c;
  c.x = {samples, 1, 28, 28};
  c.layers = {{.out = 1, .kernel = 3, .relu = true, .pool = true}, {.out = 5, .relu = true}, {.out = 10}};
  c.offsets = {0};
  for (int64_t e = 0; e < experts; ++e) {
    for (int64_t b = 0; b < samples; ++b) c.sample.push_back(b);
    c.offsets.push_back(static_cast<int64_t>(c.sample.size()));
  }
  c.sampled = true;
  const NaiveSmallStack naive(c.x, c.layers);
  c.input = random_tensor(c.x, seed);
  for (size_t l = 0; l < c.layers.size(); ++l) {
    c.parameters.weights.push_back(random_tensor(naive.weight(experts, l), seed + l));
    c.parameters.biases.push_back(random_tensor({experts, c.layers[l].out}, seed + 10 + l));
  }
  c.dy = random_tensor(naive.result(c.offsets.back()), seed + 20);
  return c;
}

}  // namespace

TEST_CASE("small_stack agrees with naive loops in 1,200 random cases", "[kernel][device]") {
  std::mt19937_64 random(1);
  for (int i = 0; i < 1200; ++i) {
    const Case c = random_case(random);
    const Results expected = naive_results(c);
    INFO("case " << i << ": " << c.text());
    CHECK(compared(run(c, DType::f64), expected, 1e-13, 1e-13) == "");
    for (const InstructionSet set : instruction_sets()) {
      const ForceInstructionSet forced(set);
      INFO(kernels::cpu::to_string(set));
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
  Case wide = mnist_case(5, 2, 6), wider = mnist_case(3, 2, 7);
  for (Case* c : {&wide, &wider}) {
    const int64_t side = c == &wide ? 90 : 170;
    c->x = {c->x[0], 1, side, side};
    const NaiveSmallStack naive(c->x, c->layers);
    c->input = random_tensor(c->x, 1, -1, 1);
    c->parameters.weights[1] = random_tensor(naive.weight(2, 1), 2, -0.1, 0.1);
  }
  for (const Case& c : {mnist_case(70, 3, 5), wide, wider}) {
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
  const Case c = mnist_case(70, 3, 5);
  const Results expected = run(c, DType::f64);
  for (const InstructionSet set : instruction_sets()) {
    const ForceInstructionSet forced(set);
    INFO(kernels::cpu::to_string(set));
    CHECK(compared(run(c, DType::f32), expected, 1e-4, 1e-4) == "");
  }
}

TEST_CASE("small_stack gives the same bits for any number of threads", "[kernel]") {
  const int before = num_threads();
  const Case c = mnist_case(300, 4, 7);
  for (const InstructionSet set : instruction_sets()) {
    const ForceInstructionSet forced(set);
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
  Case c = mnist_case(40, 1, 9);
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
      Case c = mnist_case(20, 2, 11);
      c.input.mutable_values<double>()[static_cast<size_t>(3 * 784 + pixel)] = value;
      for (double& w : c.parameters.weights[0].mutable_values<double>()) w = value < 0 ? -std::abs(w) : std::abs(w);
      for (const InstructionSet set : instruction_sets()) {
        const ForceInstructionSet forced(set);
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
  Case c = mnist_case(20, 2, 12);
  c.parameters.weights[0].mutable_values<double>()[12] = kNan;  // of the second expert
  for (const Device device : available_devices()) {
    const std::vector<double> y = run(c, DType::f32, device).y.to_doubles();
    CHECK(std::isfinite(y[0]));
    CHECK(std::isnan(y[200]));
  }
}

TEST_CASE("small_stack counts its operations as the layers would", "[kernel]") {
  const Case c = mnist_case(32, 2, 13);
  const int64_t first = 2 * 9 * 26 * 26, others = 2 * (169 * 5 + 5 * 10), rows = 64;
  const FlopCounter counter;
  run(c, DType::f32);  // twice forward, once backward, with the gradient of the input
  CHECK(counter.flops() == rows * 4 * (first + others));
}

TEST_CASE("small_stack refuses what does not fit", "[kernel]") {
  Case c = mnist_case(4, 2, 17);
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

}  // namespace divvy::test
