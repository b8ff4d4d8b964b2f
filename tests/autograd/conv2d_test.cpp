#include "autograd/ops/conv2d.h"

#include "tensor/error.h"
#include "tests/support/naive_conv2d.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive_conv2d(const std::vector<Tensor>& in, const Shape& shape, const Conv2dGeometry& geometry,
                    const Segments& segments) {
  Tensor y = Tensor::zeros(shape, DType::f64);
  const double *x = in[0].data<double>(), *weight = in[1].data<double>();
  double* out = y.mutable_data<double>();
  if (in.size() > 2) {
    const double* bias = in[2].data<double>();
    for_outputs(shape, segments, [&](int64_t to, int64_t b) { out[to] = bias[b]; });
  }
  for_products(in[0].shape(), in[1].shape(), shape, geometry, segments,
               [&](int64_t to, int64_t from, int64_t w) { out[to] += weight[w] * x[from]; });
  return y;
}

struct Sizes {
  const char* label;
  Shape x, weight;
  Conv2dGeometry geometry = {};
  Segments segments = {};
  bool bias = true;
};

std::vector<Sizes> all_sizes() {
  const auto segments = [](std::initializer_list<int64_t> offsets, std::initializer_list<int64_t> sample = {}) {
    return Segments{Tensor::from(offsets), sample.size() == 0 ? Tensor() : Tensor::from(sample)};
  };
  const Tensor nothing = Tensor::zeros({0}, DType::i64);
  return {
      {"one pixel", {1, 1, 1, 1}, {1, 1, 1, 1}},
      {"one output", {2, 1, 3, 3}, {1, 1, 3, 3}},
      {"no rows", {0, 2, 5, 5}, {3, 2, 3, 3}},
      {"no filters", {2, 2, 5, 5}, {0, 2, 3, 3}},
      {"no channels", {2, 0, 4, 4}, {3, 0, 3, 3}},
      {"no pixels but the padding", {2, 2, 0, 3}, {3, 2, 2, 2}, {.padding = 1}},
      {"a plain image", {3, 1, 8, 9}, {1, 1, 3, 3}},
      {"without bias", {2, 3, 8, 8}, {4, 3, 3, 3}, {.padding = 1}, {}, false},
      {"an oblong kernel", {2, 2, 6, 7}, {3, 2, 2, 5}},
      {"more padding than kernel", {2, 2, 4, 5}, {2, 2, 2, 1}, {.padding = 3}},
      {"1 x 1", {3, 4, 5, 5}, {7, 4, 1, 1}},
      {"stride 2", {2, 3, 9, 8}, {5, 3, 3, 3}, {.stride = 2, .padding = 1}},
      {"stride 3 past the kernel", {2, 2, 10, 11}, {2, 2, 2, 2}, {.stride = 3}},
      {"two groups", {2, 4, 6, 6}, {6, 2, 3, 3}, {.padding = 1, .groups = 2}},
      {"each channel alone", {2, 5, 7, 6}, {5, 1, 3, 3}, {.padding = 1, .groups = 5}},
      {"groups with stride", {2, 4, 7, 7}, {4, 2, 3, 3}, {.stride = 2, .padding = 1, .groups = 2}},
      {"many channels", {3, 12, 5, 5}, {10, 12, 3, 3}, {.padding = 1}},
      {"16 channels and filters", {2, 16, 3, 4}, {16, 16, 3, 3}, {.padding = 1}},
      {"16 channels, two experts", {3, 16, 3, 3}, {2, 17, 16, 3, 3}, {.padding = 2}, segments({0, 1, 3})},
      {"one expert, stacked", {3, 2, 5, 6}, {1, 3, 2, 3, 3}},
      {"two experts", {5, 2, 6, 6}, {2, 3, 2, 3, 3}, {.padding = 1}, segments({0, 2, 5})},
      {"experts without rows", {4, 1, 6, 7}, {4, 2, 1, 3, 3}, {}, segments({0, 0, 3, 3, 4})},
      {"experts and no rows", {0, 1, 6, 6}, {2, 2, 1, 3, 3}, {}, segments({0, 0, 0})},
      {"no expert", {0, 1, 6, 6}, {0, 2, 1, 3, 3}, {}, segments({0})},
      {"images seen by every expert", {2, 1, 7, 7}, {3, 1, 1, 3, 3}, {}, segments({0, 2, 4, 6}, {0, 1, 0, 1, 0, 1})},
      {"images seen by some", {4, 2, 6, 6}, {2, 3, 2, 3, 3}, {.padding = 1}, segments({0, 1, 5}, {3, 3, 0, 1, 3})},
      {"images seen by some, with stride",
       {3, 2, 6, 6},
       {2, 3, 2, 3, 3},
       {.stride = 2},
       segments({0, 3, 4}, {2, 0, 2, 2})},
      {"images seen by none",
       {2, 2, 6, 6},
       {2, 3, 2, 3, 3},
       {},
       {Tensor::from({int64_t{0}, int64_t{0}, int64_t{0}}), nothing}},
      {"images chosen without experts",
       {3, 1, 6, 6},
       {2, 1, 3, 3},
       {},
       {Tensor(), Tensor::from({int64_t{2}, int64_t{2}})}},
  };
}

OpCase conv2d_case() {
  OpCase result;
  uint64_t seed = 1;
  for (const Sizes& sizes : all_sizes()) {
    const auto& geometry = sizes.geometry;
    const auto& segments = sizes.segments;
    std::vector<Tensor> inputs{random_tensor(sizes.x, seed++), random_tensor(sizes.weight, seed++)};
    if (sizes.bias) inputs.push_back(random_tensor(sizes.weight.range(0, sizes.weight.rank() - 3), seed++));
    const Shape shape = kernels::conv2d_shape(sizes.x, sizes.weight, geometry, segments);
    result.samples.push_back({sizes.label, inputs,
                              [=](const auto& in) {
                                const Device device = in[0].device();
                                const Segments there{segments.offsets ? segments.offsets.to(device) : Tensor(),
                                                     segments.sample ? segments.sample.to(device) : Tensor()};
                                return conv2d(in[0], in[1], in.size() > 2 ? in[2] : Variable(), geometry, there);
                              },
                              [=](const auto& in) { return naive_conv2d(in, shape, geometry, segments); }});
  }
  return result;
}

std::vector<ErrorSample> conv2d_errors() {
  const auto zeros = [](const Shape& shape, DType dtype = DType::f32) { return Variable(Tensor::zeros(shape, dtype)); };
  const Variable x = zeros({2, 4, 6, 6}), weight = zeros({3, 4, 3, 3}), bias = zeros({3}), none;
  const Variable stacked = zeros({2, 3, 4, 3, 3});
  const auto with = [=](const Conv2dGeometry& geometry) { return [=] { conv2d(x, weight, bias, geometry); }; };
  const auto segmented = [=](std::initializer_list<int64_t> offsets, Tensor sample = {}) {
    const Segments segments{Tensor::from(offsets), sample};
    return [=] { conv2d(x, stacked, none, {}, segments); };
  };
  return {
      refuses<ValueError>(
          "no input", [=] { conv2d(none, weight, bias); }, "undefined"),
      refuses<ValueError>(
          "no weight", [=] { conv2d(x, none, bias); }, "undefined"),
      refuses<ShapeError>(
          "an input of rank 3",
          [=] {
            conv2d(zeros({4, 6, 6}), weight, bias);
          },
          "got [4, 6, 6]"),
      refuses<ShapeError>(
          "a weight of rank 3",
          [=] {
            conv2d(x, zeros({4, 3, 3}), none);
          },
          "got [4, 3, 3]"),
      refuses<ShapeError>(
          "other channels",
          [=] {
            conv2d(x, zeros({3, 5, 3, 3}), none);
          },
          "does not fit input [2, 4, 6, 6]"),
      refuses<ShapeError>("groups that do not divide", with({.groups = 2}), "in 2 groups"),
      refuses<ShapeError>(
          "a kernel larger than the image",
          [=] {
            conv2d(x, zeros({3, 4, 7, 3}), none);
          },
          "size 7"),
      refuses<ShapeError>(
          "an empty kernel",
          [=] {
            conv2d(x, zeros({3, 4, 0, 3}), none);
          },
          "size 0"),
      refuses<ShapeError>(
          "a bias of another size", [=] { conv2d(x, weight, zeros({4})); }, "bias must be [3], got [4]"),
      refuses<ShapeError>(
          "a plain bias for experts",
          [=] {
            conv2d(x, stacked, bias, {}, {Tensor::from({int64_t{0}, int64_t{1}, int64_t{2}}), {}});
          },
          "bias must be [2, 3]"),
      refuses<ValueError>("stride 0", with({.stride = 0}), "stride must lie in [1, 2^31], got 0"),
      refuses<ValueError>("negative padding", with({.padding = -1}), "padding must lie in [0, 2^31], got -1"),
      refuses<ValueError>("no groups", with({.groups = 0}), "groups must be at least 1, got 0"),
      refuses<ShapeError>(
          "experts without segments", [=] { conv2d(x, stacked, none); }, "2 experts need segments"),
      refuses<ShapeError>("offsets of three experts", segmented({0, 1, 2, 2}), "[3], got [4]"),
      refuses<ValueError>("offsets that decrease", segmented({0, 3, 2}), "decrease at expert 1"),
      refuses<ValueError>("offsets that stop early", segmented({0, 1, 1}), "from 0 to 2, got 0 to 1"),
      refuses<ValueError>("a sample past the images", segmented({0, 1, 2}, Tensor::from({int64_t{0}, int64_t{2}})),
                          "sample[1] = 2"),
      refuses<DTypeError>(
          "integers",
          [=] {
            conv2d(zeros({2, 4, 6, 6}, DType::i64), weight, bias);
          },
          "got i64"),
      refuses<DTypeError>(
          "mixed types",
          [=] {
            conv2d(x, zeros({3, 4, 3, 3}, DType::f64), none);
          },
          "must be f32, got f64"),
  };
}

}  // namespace

TEST_CASE("conv2d", "[op]") {
  OpCase op_case = conv2d_case();
  op_case.errors = conv2d_errors();
  check(op_case);
}

TEST_CASE("conv2d computes the gradients that are wanted and no others", "[op]") {
  const Tensor x = random_tensor({3, 2, 6, 6}, 1), w = random_tensor({4, 2, 3, 3}, 2), b = random_tensor({4}, 3);
  const auto gradients = [&](bool x_learns, bool w_learns, bool b_learns) {
    std::vector<Variable> leaves{Variable(x, x_learns), Variable(w, w_learns), Variable(b, b_learns)};
    const Variable y = conv2d(leaves[0], leaves[1], leaves[2]);
    backward(y, random_tensor(y.shape(), 4));
    return std::vector<Tensor>{leaves[0].grad(), leaves[1].grad(), leaves[2].grad()};
  };
  const auto all = gradients(true, true, true);
  for (int mask = 1; mask < 7; ++mask) {
    const auto some = gradients((mask & 1) != 0, (mask & 2) != 0, (mask & 4) != 0);
    for (size_t i = 0; i < 3; ++i) {
      INFO("gradient " << i << " of the combination " << mask);
      REQUIRE(some[i].defined() == ((mask >> i & 1) != 0));
      if (some[i].defined()) CHECK(same_bits(some[i], all[i]));
    }
  }
}

TEST_CASE("conv2d notices a weight that was changed before backward", "[op]") {
  Variable x(random_tensor({1, 1, 4, 4}, 1), true), w(random_tensor({1, 1, 3, 3}, 2), true);
  const Variable y = conv2d(x, w, Variable());
  w.mutable_value().mutable_data<double>()[0] = 1;
  CHECK_THROWS_AS(backward(y, random_tensor(y.shape(), 3)), GraphError);
}

}  // namespace divvy::test
