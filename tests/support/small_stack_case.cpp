#include "tests/support/small_stack_case.h"

#include <cmath>

#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/naive_small_stack.h"

namespace divvy::test {

namespace {

using kernels::SmallStackParameters;
using kernels::SmallStackSaved;

/// Multiples of 1/4 in [-1, 1].
Tensor quarters(const Shape& shape, std::mt19937_64& random) {
  Tensor result = Tensor::empty(shape, DType::f64);
  std::uniform_int_distribution<int> value(-4, 4);
  for (double& v : result.mutable_values<double>()) v = value(random) / 4.;
  return result;
}

int64_t below(int64_t limit, std::mt19937_64& random) {
  return std::uniform_int_distribution<int64_t>(0, limit - 1)(random);
}

/// Mostly tiny images; sometimes of the largest width for which a first layer has neighboring pixels in the lanes, or
/// wider.
Shape random_sample(std::mt19937_64& random) {
  switch (below(8, random)) {
    case 0:
    case 1: return {1 + below(20, random)};
    case 2: return {20 + below(60, random)};
    case 3: return {1 + below(2, random), 3 + below(4, random), 26 + below(12, random)};
    default: return {1 + below(3, random), 3 + below(6, random), 3 + below(6, random)};
  }
}

/// Random layers for samples of a shape.
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

}  // namespace

Segments SmallStackCase::segments() const {
  Segments result{Tensor::from(offsets, {static_cast<int64_t>(offsets.size())}), {}};
  if (sampled) result.sample = Tensor::from(sample, {static_cast<int64_t>(sample.size())});
  return result;
}

std::string SmallStackCase::text() const {
  std::string text = fmt::format("x {}, offsets {}, sampled {};", x, fmt::join(offsets, " "), sampled);
  for (const SmallLayer& l : layers) {
    text += fmt::format(" [{} k{} p{} relu {} pool {}]", l.out, l.kernel, l.padding, l.relu, l.pool);
  }
  return text;
}

SmallStackCase random_small_stack(std::mt19937_64& random) {
  constexpr int64_t kRows[] = {0, 1, 2, 7, 15, 16, 17, 31, 33, 50};
  SmallStackCase c;
  int64_t samples = kRows[below(10, random)];
  const int64_t experts = 1 + below(5, random), kind = below(4, random);
  if (samples == 0 && kind == 2) samples = 1;
  const Shape sample = random_sample(random);
  c.x = Shape{samples}.concat(sample);
  c.layers = random_layers(sample, random);
  if (kind == 0) {  // every expert has every sample, or some have none
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
  } else {  // k choices for each sample, with a skew of up to all at one expert
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

SmallStackCase mnist_small_stack(int64_t samples, int64_t experts, uint64_t seed) {
  std::mt19937_64 random(seed);
  SmallStackCase c;
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

std::vector<Tensor> SmallStackResults::all() const {
  std::vector<Tensor> result{y, dx};
  for (const auto& list : {gradients.weights, gradients.biases}) {
    for (const Tensor& t : list) {
      if (t.defined()) result.push_back(t);
    }
  }
  return result;
}

SmallStackResults run(const SmallStackCase& c, DType dtype, Device device) {
  const auto on = [&](const Tensor& t) { return t.defined() ? t.to(device) : t; };
  const auto given = [&](const Tensor& t) { return t.defined() ? on(converted(t, dtype)) : t; };
  SmallStackParameters parameters;
  SmallStackResults r;
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

SmallStackResults naive_results(const SmallStackCase& c) {
  const NaiveSmallStack naive(c.x, c.layers);
  auto [dx, gradients] = naive.backward(c.input, c.parameters, c.offsets, c.sample, c.dy);
  return {naive.forward(c.input, c.parameters, c.offsets, c.sample), dx, gradients};
}

std::string compared(const SmallStackResults& a, const SmallStackResults& b, double rtol, double atol) {
  const auto left = a.all(), right = b.all();
  std::string text;
  for (size_t i = 0; i < left.size(); ++i) {
    const std::string one = difference(converted(left[i], DType::f64), converted(right[i], DType::f64), rtol, atol);
    if (!one.empty())
      text += fmt::format("{}: {}\n", i == 0 ? "y" : i == 1 ? "dx" : fmt::format("parameter {}", i - 2), one);
  }
  return text;
}

}  // namespace divvy::test
