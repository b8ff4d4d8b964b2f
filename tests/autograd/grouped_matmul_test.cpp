#include "autograd/ops/grouped_matmul.h"

#include "tensor/error.h"
#include "tests/support/naive_grouped_matmul.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

struct Options {
  int64_t experts = 0;   ///< 0: a plain layer
  int64_t sampled = -1;  ///< rows read through segments.sample; -1: the rows of x themselves
  bool bias = true;
  std::vector<int64_t> offsets = {};  ///< random where empty
};

struct Layer {
  int64_t sources, inputs, outputs;
  Options with = {};
};

std::vector<int64_t> values_of(const Tensor& t) { return {t.values<int64_t>().begin(), t.values<int64_t>().end()}; }

Sample sample_of(const Layer& layer, uint64_t seed) {
  const bool plain = layer.with.experts == 0;
  const int64_t experts = plain ? 1 : layer.with.experts;
  const int64_t rows = layer.with.sampled < 0 ? layer.sources : layer.with.sampled;
  const Shape stack = plain ? Shape{} : Shape{experts};
  NaiveGroupedMatmul naive;
  Segments segments;
  if (layer.with.sampled >= 0) {
    segments.sample = random_indices({rows}, layer.sources, seed + 1);
    naive.sample = values_of(segments.sample);
  }
  naive.offsets = layer.with.offsets;
  if (plain) naive.offsets = {0, rows};
  if (naive.offsets.empty()) naive.offsets = values_of(random_offsets(rows, experts, seed + 2));
  if (!plain) segments.offsets = Tensor::from(naive.offsets, {experts + 1});

  std::vector<Tensor> inputs{random_tensor({layer.sources, layer.inputs}, seed + 3),
                             random_tensor(stack.concat({layer.outputs, layer.inputs}), seed + 4)};
  if (layer.with.bias) inputs.push_back(random_tensor(stack.concat({layer.outputs}), seed + 5));
  const auto on = [](const Segments& s, Device device) {
    return Segments{s.offsets ? s.offsets.to(device) : Tensor(), s.sample ? s.sample.to(device) : Tensor()};
  };
  return {fmt::format("{} x {} -> {}, {} experts, {} rows{}", layer.sources, layer.inputs, layer.outputs,
                      layer.with.experts, rows, layer.with.bias ? ", bias" : ""),
          inputs,
          [=](const auto& in) {
            return grouped_matmul(in[0], in[1], in.size() > 2 ? in[2] : Variable(), on(segments, in[0].device()));
          },
          [=](const auto& in) {
            const Shape matrix{experts, layer.outputs, layer.inputs};
            return naive.forward(in[0], in[1].reshape(matrix),
                                 in.size() > 2 ? in[2].reshape(matrix.range(0, 2)) : Tensor());
          }};
}

}  // namespace

TEST_CASE("grouped_matmul", "[op]") {
  OpCase op_case;
  const Layer layers[] = {
      {5, 3, 4},
      {5, 3, 4, {.bias = false}},
      {1, 1, 1},
      {0, 3, 4},
      {3, 0, 4},
      {3, 4, 0},
      {6, 3, 2, {.sampled = 9}},
      {6, 3, 2, {.sampled = 0}},
      {1, 3, 2, {.sampled = 4, .bias = false}},
      {7, 3, 4, {.experts = 1}},
      {7, 3, 4, {.experts = 3}},
      {7, 3, 4, {.experts = 3, .bias = false}},
      {0, 3, 4, {.experts = 3}},
      {1, 5, 2, {.experts = 4}},
      {9, 2, 3, {.experts = 3, .offsets = {0, 0, 9, 9}}},
      {9, 2, 3, {.experts = 3, .offsets = {0, 9, 9, 9}}},
      {6, 3, 2, {.experts = 4, .sampled = 12}},
      {6, 3, 2, {.experts = 2, .sampled = 0}},
      {2, 3, 5, {.experts = 3, .sampled = 7, .offsets = {0, 3, 3, 7}}},
      {4, 17, 9, {.experts = 2, .sampled = 8}},
      {0, 3, 5, {.experts = 0, .sampled = 0}},
      {140, 5, 3, {.experts = 2, .sampled = 300}},
      {6, 260, 9, {.experts = 2}},
      {6, 9, 260, {.experts = 2}},
  };
  uint64_t seed = 100;
  for (const Layer& layer : layers) op_case.samples.push_back(sample_of(layer, seed += 10));

  const Variable x(Tensor::zeros({4, 3})), weight(Tensor::zeros({2, 5, 3})), bias(Tensor::zeros({2, 5}));
  const Variable plain(Tensor::zeros({5, 3}));
  const auto segments = [](std::initializer_list<int64_t> offsets) { return Segments{Tensor::from(offsets), {}}; };
  const Segments two = segments({0, 1, 4});
  op_case.errors = {
      refuses<ShapeError>(
          "x of rank 1", [=] { grouped_matmul(Variable(Tensor::zeros({3})), plain); }, "rank 2, got [3]"),
      refuses<ShapeError>(
          "weight of rank 1", [=] { grouped_matmul(x, Variable(Tensor::zeros({3}))); }, "[O, I] or [E, O, I], got [3]"),
      refuses<ShapeError>(
          "other features",
          [=] {
            grouped_matmul(x, Variable(Tensor::zeros({5, 4})));
          },
          "weight must be [1, 5, 3], got [1, 5, 4]"),
      refuses<ShapeError>(
          "bias of another size", [=] { grouped_matmul(x, plain, Variable(Tensor::zeros({4}))); },
          "bias must be [1, 5], got [1, 4]"),
      refuses<ShapeError>(
          "stacked bias of a plain layer", [=] { grouped_matmul(x, plain, bias); },
          "bias must have rank 1, got [2, 5]"),
      refuses<ShapeError>(
          "experts without segments", [=] { grouped_matmul(x, weight, bias); }, "2 experts need segments"),
      refuses<ShapeError>(
          "segments of three",
          [=] {
            grouped_matmul(x, weight, bias, segments({0, 1, 2, 4}));
          },
          "segments.offsets must be [3], got [4]"),
      refuses<ValueError>(
          "too few rows",
          [=] {
            grouped_matmul(x, weight, bias, segments({0, 1, 3}));
          },
          "from 0 to 4"),
      refuses<ValueError>(
          "a sample that is not there",
          [=] {
            grouped_matmul(x, plain, {}, Segments{{}, Tensor::from<int64_t>({0, 4})});
          },
          "segments.sample[1] = 4 is outside [0, 4)"),
      refuses<DTypeError>(
          "two types",
          [=] {
            grouped_matmul(x, Variable(Tensor::zeros({2, 5, 3}, DType::f64)), bias, two);
          },
          "weight must be f32, got f64"),
      refuses<DTypeError>(
          "integers",
          [=] {
            grouped_matmul(Variable(Tensor::zeros({4, 3}, DType::i64)), plain);
          },
          "x must be f32 or f64, got i64"),
      refuses<ValueError>(
          "no weight", [=] { grouped_matmul(x, Variable()); }, "undefined"),
  };
  check(op_case);
}

TEST_CASE("grouped_matmul refuses segments that changed before backward") {
  Segments segments{Tensor::from<int64_t>({0, 1, 4}), {}};
  const Variable x(Tensor::zeros({4, 3}), true), weight(Tensor::zeros({2, 5, 3}));
  const Variable y = grouped_matmul(x, weight, {}, segments);
  segments.offsets.mutable_data<int64_t>()[1] = 2;
  CHECK_THROWS_AS(backward(y, Tensor::zeros({4, 5})), GraphError);
}

}  // namespace divvy::test
