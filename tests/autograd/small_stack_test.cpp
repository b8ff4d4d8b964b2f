#include "autograd/ops/small_stack.h"

#include "tensor/error.h"
#include "tests/support/naive_small_stack.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

struct Stack {
  Shape x;
  std::vector<SmallLayer> layers;
  int64_t experts = 0;                ///< 0: a network alone
  int64_t sampled = -1;               ///< rows read through segments.sample; -1: the rows of x themselves
  std::vector<bool> bias = {};        ///< of each layer; all of them where empty
  std::vector<int64_t> offsets = {};  ///< random where empty
};

std::vector<int64_t> values_of(const Tensor& t) { return {t.values<int64_t>().begin(), t.values<int64_t>().end()}; }

Sample sample_of(const Stack& stack, uint64_t seed) {
  const bool plain = stack.experts == 0;
  const int64_t experts = plain ? 1 : stack.experts, rows = stack.sampled < 0 ? stack.x[0] : stack.sampled;
  const NaiveSmallStack naive(stack.x, stack.layers);
  Segments segments;
  std::vector<int64_t> chosen, offsets = stack.offsets;
  if (stack.sampled >= 0) {
    segments.sample = random_indices({rows}, stack.x[0], seed + 1);
    chosen = values_of(segments.sample);
  }
  if (plain) offsets = {0, rows};
  if (offsets.empty()) offsets = values_of(random_offsets(rows, experts, seed + 2));
  if (!plain) segments.offsets = Tensor::from(offsets, {experts + 1});

  const auto has_bias = [=](size_t l) { return stack.bias.empty() || stack.bias[l]; };
  std::vector<Tensor> inputs{random_tensor(stack.x, seed + 3)};
  for (size_t l = 0; l < stack.layers.size(); ++l) {
    const Shape weight = naive.weight(experts, l);
    inputs.push_back(random_tensor(plain ? weight.range(1) : weight, seed + 4 + l));
    const Shape bias{experts, stack.layers[l].out};
    if (has_bias(l)) inputs.push_back(random_tensor(plain ? bias.range(1) : bias, seed + 8 + l));
  }
  return {fmt::format("{}, {} layers, {} experts, {} rows", stack.x, stack.layers.size(), stack.experts, rows), inputs,
          [=](const std::vector<Variable>& in) {
            std::vector<Variable> weights, biases;
            for (size_t l = 0, at = 1; l < stack.layers.size(); ++l) {
              weights.push_back(in[at++]);
              biases.push_back(has_bias(l) ? in[at++] : Variable());
            }
            const Device device = in[0].device();
            const Segments there{segments.offsets ? segments.offsets.to(device) : Tensor(),
                                 segments.sample ? segments.sample.to(device) : Tensor()};
            return small_stack(in[0], stack.layers, weights, biases, there);
          },
          [=](const std::vector<Tensor>& in) {
            kernels::SmallStackParameters parameters;
            for (size_t l = 0, at = 1; l < stack.layers.size(); ++l) {
              parameters.weights.push_back(in[at++].reshape(naive.weight(experts, l)));
              parameters.biases.push_back(has_bias(l) ? in[at++].reshape({experts, stack.layers[l].out}) : Tensor());
            }
            return naive.forward(in[0], parameters, offsets, chosen);
          }};
}

}  // namespace

TEST_CASE("small_stack", "[op]") {
  const SmallLayer conv3{.out = 1, .kernel = 3, .relu = true, .pool = true};
  const SmallLayer conv5{.out = 2, .kernel = 5, .padding = 2, .relu = true};
  const SmallLayer hidden{.out = 5, .relu = true}, last{.out = 3};
  const Stack stacks[] = {
      {{3, 1, 6, 6}, {conv3, hidden, last}},
      {{3, 1, 6, 6}, {conv3, hidden, last}, 0, 5},
      {{0, 1, 6, 6}, {conv3, hidden, last}},
      {{1, 1, 4, 4}, {conv3}},
      {{4, 1, 6, 7}, {conv3, hidden, last}, 2},
      {{4, 1, 6, 7}, {conv3, hidden, last}, 3, 9},
      {{4, 1, 6, 7}, {conv3, last}, 3, 8, {false, true}},
      {{4, 1, 6, 7}, {conv3, last}, 3, 8, {true, false}, {0, 0, 8, 8}},
      {{3, 2, 5, 5}, {conv5}, 2, 5},
      {{3, 2, 6, 5}, {conv5, conv3, last}, 2, 4},
      {{2, 1, 8, 8},
       {{.out = 3, .kernel = 3, .padding = 1, .pool = true}, {.out = 2, .kernel = 3, .relu = true}},
       2,
       3},
      {{2, 3, 7, 8}, {{.out = 2, .kernel = 5, .padding = 4, .relu = true, .pool = true}, last}, 0, 3},
      {{2, 1, 5, 5}, {{.out = 2, .kernel = 5}, {.out = 2, .relu = true}}, 2},
      {{5, 4}, {hidden, last}},
      {{5, 4}, {hidden, hidden, last}, 3, 20},
      {{1, 1}, {{.out = 1}}},
      {{0, 4}, {hidden, last}, 3},
      {{4, 4}, {hidden, last}, 3, 0},
      {{3, 2}, {{.out = 4, .relu = true}, {.out = 2, .relu = true}}, 2, 6, {}, {0, 6, 6}},
  };
  OpCase op_case;
  uint64_t seed = 100;
  for (const Stack& stack : stacks) op_case.samples.push_back(sample_of(stack, seed += 20));

  const Variable x(Tensor::zeros({4, 3})), weight(Tensor::zeros({2, 5, 3})), bias(Tensor::zeros({2, 5}));
  const Variable plain(Tensor::zeros({5, 3}));
  const std::vector<SmallLayer> one{{.out = 5}};
  op_case.errors = {
      refuses<ValueError>(
          "no layers", [=] { small_stack(x, {}, {}, {}, {}); }, "0 layers"),
      refuses<ValueError>(
          "too few weights", [=] { small_stack(x, one, {}, {bias}, {}); }, "1 layers need as many"),
      refuses<ShapeError>(
          "experts without segments", [=] { small_stack(x, one, {weight}, {bias}, {}); }, "2 experts need segments"),
      refuses<ShapeError>(
          "a stacked bias of a network alone", [=] { small_stack(x, one, {plain}, {bias}, {}); },
          "the bias of layer 0 must be [1, 5], got [1, 2, 5]"),
      refuses<ShapeError>(
          "images for a linear layer",
          [=] {
            small_stack(Variable(Tensor::zeros({4, 1, 3, 1})), one, {plain}, {{}}, {});
          },
          "does not fit samples of shape [1, 3, 1]"),
      refuses<ValueError>(
          "a sample that is not there",
          [=] {
            small_stack(x, one, {plain}, {{}}, {{}, Tensor::from<int64_t>({0, 4})});
          },
          "segments.sample[1] = 4 is outside [0, 4)"),
      refuses<DTypeError>(
          "two types",
          [=] {
            small_stack(x, one, {Variable(Tensor::zeros({5, 3}, DType::f64))}, {{}}, {});
          },
          "must be f32, got f64"),
      refuses<DTypeError>(
          "integers",
          [=] {
            small_stack(Variable(Tensor::zeros({4, 3}, DType::i64)), one, {plain}, {{}}, {});
          },
          "input must be f32 or f64, got i64"),
  };
  check(op_case);
}

TEST_CASE("small_stack saves the weights that its backward reads, and no others") {
  const std::vector<SmallLayer> layers{{.out = 5, .relu = true}, {.out = 2}};
  Variable first(Tensor::full({5, 3}, 1), true), second(Tensor::full({2, 5}, 1), true);
  const Variable x(Tensor::full({4, 3}, 1));
  Variable y = small_stack(x, layers, {first, second}, {{}, {}}, {});
  first.mutable_value().mutable_data<float>()[0] = 2;
  backward(y, Tensor::full({4, 2}, 1));
  y = small_stack(x, layers, {first, second}, {{}, {}}, {});
  second.mutable_value().mutable_data<float>()[0] = 2;
  CHECK_THROWS_AS(backward(y, Tensor::full({4, 2}, 1)), GraphError);
}

}  // namespace divvy::test
