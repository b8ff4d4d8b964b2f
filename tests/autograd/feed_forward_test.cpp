#include "autograd/ops/feed_forward.h"

#include "autograd/ops/grouped_matmul.h"
#include "autograd/ops/unary.h"
#include "kernels/feed_forward.h"
#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"
#include "tests/support/random_routing.h"

namespace divvy::test {

namespace {

struct Layer {
  int64_t sources, inputs, hidden, outputs, experts;
  int64_t sampled = -1;  ///< rows read through segments.sample; -1: the rows of x themselves
  bool bias = true;
  std::vector<int64_t> offsets = {};  ///< random where empty
};

std::vector<int64_t> values_of(const Tensor& t) { return {t.values<int64_t>().begin(), t.values<int64_t>().end()}; }

Segments segments_of(const Layer& layer, uint64_t seed) {
  const int64_t rows = layer.sampled < 0 ? layer.sources : layer.sampled;
  Segments segments{layer.offsets.empty() ? random_offsets(rows, layer.experts, seed + 2)
                                          : Tensor::from(layer.offsets, {layer.experts + 1}),
                    {}};
  if (layer.sampled >= 0) segments.sample = random_indices({rows}, layer.sources, seed + 1);
  return segments;
}

std::vector<Tensor> inputs_of(const Layer& layer, uint64_t seed) {
  const int64_t e = layer.experts, h = layer.hidden, o = layer.outputs;
  std::vector<Tensor> inputs{random_tensor({layer.sources, layer.inputs}, seed + 3),
                             random_tensor({e, h, layer.inputs}, seed + 4), random_tensor({e, o, h}, seed + 5)};
  if (layer.bias) inputs.insert(inputs.end(), {random_tensor({e, h}, seed + 6), random_tensor({e, o}, seed + 7)});
  return inputs;
}

Variable applied(const std::vector<Variable>& in, const Segments& given) {
  const Device device = in[0].device();
  const Segments segments{given.offsets ? given.offsets.to(device) : Tensor(),
                          given.sample ? given.sample.to(device) : Tensor()};
  const bool bias = in.size() > 3;
  return feed_forward(in[0], in[1], bias ? in[3] : Variable(), in[2], bias ? in[4] : Variable(), segments);
}

Sample sample_of(const Layer& layer, uint64_t seed) {
  const Segments segments = segments_of(layer, seed);
  NaiveGroupedMatmul first, second;
  first.offsets = second.offsets = values_of(segments.offsets);
  if (segments.sample.defined()) first.sample = values_of(segments.sample);
  return {fmt::format("{} x {}-{}-{}, {} experts, {} rows{}", layer.sources, layer.inputs, layer.hidden, layer.outputs,
                      layer.experts, first.offsets.back(), layer.bias ? ", bias" : ""),
          inputs_of(layer, seed), [=](const std::vector<Variable>& in) { return applied(in, segments); },
          [=](const std::vector<Tensor>& in) {
            const bool bias = in.size() > 3;
            Tensor hidden = first.forward(in[0], in[1], bias ? in[3] : Tensor());
            for (double& v : hidden.mutable_values<double>()) v = v > 0 ? v : 0;
            return second.forward(hidden, in[2], bias ? in[4] : Tensor());
          }};
}

/// Small integers, whose sums of products f32 holds exactly.
Tensor integers(const Shape& shape, std::mt19937_64& random) {
  Tensor t = Tensor::empty(shape, DType::f64);
  for (double& v : t.mutable_values<double>()) v = static_cast<double>(random() % 5) - 2;
  return t;
}

/// The result and all gradients, in f32. dy: random where none is given.
template <class F>
std::vector<Tensor> pass(const std::vector<Tensor>& values, const F& f, const Tensor& dy = {}) {
  std::vector<Variable> in;
  for (const Tensor& v : values) in.emplace_back(converted(v, DType::f32), true);
  const Variable y = f(in);
  backward(y, dy ? dy : random_tensor(y.shape(), 77, -1, 1, DType::f32));
  std::vector<Tensor> results{y.value()};
  for (const Variable& v : in) results.push_back(v.grad());
  return results;
}

}  // namespace

TEST_CASE("feed_forward", "[op]") {
  OpCase op_case;
  const Layer layers[] = {
      {5, 3, 4, 2, 1},
      {5, 3, 4, 2, 2},
      {5, 3, 4, 2, 2, -1, false},
      {1, 1, 1, 1, 1},
      {0, 3, 4, 2, 3},
      {3, 0, 4, 2, 2},
      {3, 4, 0, 2, 2},
      {3, 4, 5, 0, 2},
      {6, 3, 2, 4, 4, 9},
      {6, 3, 2, 4, 2, 0},
      {1, 3, 2, 5, 3, 4, false},
      {9, 2, 3, 4, 3, -1, true, {0, 0, 9, 9}},
      {9, 2, 3, 4, 3, -1, true, {0, 9, 9, 9}},
      {2, 3, 5, 2, 3, 7, true, {0, 3, 3, 7}},
      {4, 17, 9, 18, 2, 8},
      {6, 5, 35, 3, 2},
      {6, 3, 260, 5, 2, -1, false},
      {300, 2, 3, 40, 2, 700},  // so many results that gradcheck takes random directions
  };
  uint64_t seed = 100;
  for (const Layer& layer : layers) op_case.samples.push_back(sample_of(layer, seed += 10));

  const Variable x(Tensor::zeros({4, 3})), up(Tensor::zeros({2, 5, 3})), down(Tensor::zeros({2, 6, 5}));
  const Variable up_bias(Tensor::zeros({2, 5})), down_bias(Tensor::zeros({2, 6}));
  const Segments two{Tensor::from<int64_t>({0, 1, 4}), {}};
  op_case.errors = {
      refuses<ShapeError>(
          "a plain layer",
          [=] {
            feed_forward(x, Variable(Tensor::zeros({5, 3})), {}, down, {}, two);
          },
          "expects x [R, I], up [E, H, I] and down [E, O, H], got [4, 3], [5, 3]"),
      refuses<ShapeError>(
          "other features",
          [=] {
            feed_forward(x, Variable(Tensor::zeros({2, 5, 4})), {}, down, {}, two);
          },
          "up must be [2, 5, 3], got [2, 5, 4]"),
      refuses<ShapeError>(
          "other hidden features",
          [=] {
            feed_forward(x, up, {}, Variable(Tensor::zeros({2, 6, 4})), {}, two);
          },
          "down must be [2, 6, 5], got [2, 6, 4]"),
      refuses<ShapeError>(
          "a bias of another size", [=] { feed_forward(x, up, down_bias, down, down_bias, two); },
          "up_bias must be [2, 5], got [2, 6]"),
      refuses<ShapeError>(
          "another bias of another size", [=] { feed_forward(x, up, up_bias, down, up_bias, two); },
          "down_bias must be [2, 6], got [2, 5]"),
      refuses<ShapeError>(
          "experts without segments", [=] { feed_forward(x, up, up_bias, down, down_bias, {}); },
          "2 experts need segments"),
      refuses<ValueError>(
          "a sample that is not there",
          [=] {
            feed_forward(x, up, {}, down, {},
                         Segments{Tensor::from<int64_t>({0, 1, 2}), Tensor::from<int64_t>({0, 4})});
          },
          "segments.sample[1] = 4 is outside [0, 4)"),
      refuses<DTypeError>(
          "two types",
          [=] {
            feed_forward(x, up, {}, Variable(Tensor::zeros({2, 6, 5}, DType::f64)), {}, two);
          },
          "down must be f32, got f64"),
  };
  check(op_case);
}

TEST_CASE("feed_forward gives what its layers give one by one") {
  uint64_t seed = 1000;
  for (const Layer& layer : {Layer{700, 40, 70, 33, 8, 1500}, Layer{300, 64, 128, 64, 40, 600},
                             Layer{1300, 24, 500, 20, 2, 2100, true, {0, 2100, 2100}}}) {
    const Segments segments = segments_of(layer, seed += 10);
    const std::vector<Tensor> values = inputs_of(layer, seed);
    const auto fused = pass(values, [&](const auto& in) { return applied(in, segments); });
    const auto layers = pass(values, [&](const auto& in) {
      const Variable hidden = relu(grouped_matmul(in[0], in[1], in[3], segments));
      return grouped_matmul(hidden, in[2], in[4], {segments.offsets, {}});
    });
    CHECK(same_bits(fused[0], layers[0]));
    for (size_t i = 1; i < fused.size(); ++i) CHECK(difference(fused[i], layers[i], 1e-4, 1e-4) == "");
  }
}

TEST_CASE("feed_forward of 1,000 random routings agrees with plain loops") {
  std::mt19937_64 random(3);
  const auto from = [&](int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random() % static_cast<uint64_t>(high - low + 1));
  };
  for (int i = 0; i < 1000; ++i) {
    const int64_t samples = from(0, 40), experts = from(1, 9), k = i % 4 == 0 ? experts : from(1, experts);
    const int64_t size = from(1, 20), hidden = from(1, 40), outputs = from(1, 20);
    const double skew = std::vector{0.0, 0.5, 3.0, 30.0}[static_cast<size_t>(from(0, 3))];
    INFO("case " << i << ": " << samples << " samples, " << k << " of " << experts << " experts, skew " << skew << ", "
                 << size << "-" << hidden << "-" << outputs);
    const Routed routed = random_routing(samples, experts, k, skew, random);
    const NaiveGroupedMatmul& first = routed.naive;
    const NaiveGroupedMatmul second{first.offsets, {}};
    const std::vector<Tensor> in{integers({samples, size}, random), integers({experts, hidden, size}, random),
                                 integers({experts, outputs, hidden}, random), integers({experts, hidden}, random),
                                 integers({experts, outputs}, random)};
    const Tensor dy = integers({samples * k, outputs}, random);
    Tensor active = first.forward(in[0], in[1], in[3]);
    for (double& v : active.mutable_values<double>()) v = v > 0 ? v : 0;
    const Tensor y = second.forward(active, in[2], in[4]);
    auto of_second = second.backward(active, in[2], dy);
    for (int64_t j = 0; j < active.numel(); ++j) {
      if (active.data<double>()[j] == 0) of_second.dx.mutable_data<double>()[j] = 0;
    }
    const auto of_first = first.backward(in[0], in[1], of_second.dx);
    const auto got = pass(
        in, [&](const auto& x) { return applied(x, routed.segments); }, converted(dy, DType::f32));
    const Tensor expected[] = {y, of_first.dx, of_first.dweight, of_second.dweight, of_first.dbias, of_second.dbias};
    for (size_t j = 0; j < got.size(); ++j) REQUIRE(difference(got[j], expected[j], 0, 0) == "");
  }
}

TEST_CASE("feed_forward gives the same bits for any number of threads") {
  const Layer layer{600, 40, 96, 40, 9, 1700, true, {0, 1100, 1100, 1200, 1240, 1300, 1400, 1500, 1600, 1700}};
  const Segments segments = segments_of(layer, 5);
  const std::vector<Tensor> values = inputs_of(layer, 6);
  const int before = num_threads();
  const auto run = [&](int threads) {
    set_num_threads(threads);
    return pass(values, [&](const auto& in) { return applied(in, segments); });
  };
  const auto expected = run(1);
  for (int threads = 2; threads <= 8; threads += 3) {
    const auto results = run(threads);
    for (size_t i = 0; i < results.size(); ++i) CHECK(same_bits(results[i], expected[i]));
  }
  set_num_threads(before);
}

TEST_CASE("feed_forward gains in f32 where there are many experts", "[device]") {
  using Gain = kernels::FeedForwardGain;
  for (const Device device : available_devices()) {
    const auto gain = [&](int64_t experts, int64_t in, int64_t hidden, int64_t out) {
      return kernels::feed_forward_gain({device, DType::f32, experts, 512}, in, hidden, out).gain;
    };
    CHECK(gain(16, 256, 1024, 256) == Gain::over_small_stack);
    CHECK(gain(0, 256, 1024, 256) == Gain::nothing);
    CHECK(gain(1, 256, 1024, 256) == Gain::nothing);
    const kernels::FeedForwardAnswer f64 = kernels::feed_forward_gain({device, DType::f64, 16, 512}, 256, 1024, 256);
    CHECK(f64.gain == Gain::nothing);
    CHECK(f64.why_not == "f64 rather than f32");
    const auto why_not = [&](int64_t experts) {
      return kernels::feed_forward_gain({device, DType::f32, experts, 512}, 256, 1024, 256).why_not;
    };
    CHECK(why_not(16).empty());
    CHECK(why_not(0) == "not stacked");
    if (!device.is_cpu()) continue;
    CHECK(gain(8, 64, 64, 64) == Gain::over_small_stack);
    CHECK(gain(8, 64, 64, 63) == Gain::over_layers);
    CHECK(gain(7, 64, 64, 64) == Gain::nothing);
    CHECK(why_not(7) == "7 experts of at least 8");
  }
}

}  // namespace divvy::test
