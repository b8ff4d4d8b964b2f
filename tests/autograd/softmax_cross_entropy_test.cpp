#include "autograd/ops/softmax_cross_entropy.h"

#include <cmath>

#include "autograd/ops/pick.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/unary.h"
#include "tensor/error.h"
#include "tests/support/devices.h"
#include "tests/support/op_case.h"

namespace divvy::test {

namespace {

Tensor naive(const Tensor& x, const Tensor& label) {
  Tensor loss = Tensor::empty({x.size(0)}, DType::f64);
  for (int64_t b = 0; b < x.size(0); ++b) {
    const double* row = x.data<double>() + b * x.size(1);
    double sum = 0;
    for (int64_t c = 0; c < x.size(1); ++c) sum += std::exp(row[c]);
    loss.mutable_data<double>()[b] = std::log(sum) - row[label.data<int64_t>()[b]];
  }
  return loss;
}

OpCase cross_entropy_case() {
  OpCase result;
  uint64_t seed = 1;
  for (int64_t rows : {0, 1, 2, 7, 33}) {
    for (int64_t cols : {1, 2, 5, 17}) {
      const Tensor label = random_indices({rows}, cols, seed);
      result.samples.push_back({fmt::format("{} rows, {} classes", rows, cols),
                                {random_tensor({rows, cols}, seed++, -4, 4)},
                                [=](const auto& in) { return softmax_cross_entropy(in[0], label.to(in[0].device())); },
                                [=](const auto& in) { return naive(in[0], label); }});
    }
  }
  result.samples.push_back(
      {"no rows, no classes",
       {Tensor::zeros({0, 0}, DType::f64)},
       [](const auto& in) { return softmax_cross_entropy(in[0], Tensor::zeros({0}, DType::i64, in[0].device())); },
       [](const auto&) { return Tensor::zeros({0}, DType::f64); }});
  const Variable x(Tensor::zeros({2, 3}));
  const Tensor good = Tensor::from<int64_t>({0, 2});
  result.errors = {
      refuses<ValueError>(
          "a label too large",
          [=] {
            softmax_cross_entropy(x, Tensor::from<int64_t>({0, 3}));
          },
          "label[1] = 3 is outside [0, 3)"),
      refuses<ValueError>(
          "a negative label",
          [=] {
            softmax_cross_entropy(x, Tensor::from<int64_t>({-1, 3}));
          },
          "label[0] = -1"),
      refuses<ValueError>(
          "no classes",
          [=] {
            softmax_cross_entropy(Variable(Tensor::zeros({2, 0})), good);
          },
          "outside [0, 0)"),
      refuses<ShapeError>(
          "too few labels", [=] { softmax_cross_entropy(x, Tensor::from<int64_t>({0})); },
          "label must be [2], got [1]"),
      refuses<DTypeError>(
          "labels of another type",
          [=] {
            softmax_cross_entropy(x, Tensor::from<int32_t>({0, 1}));
          },
          "i64, got i32"),
      refuses<ShapeError>(
          "a vector", [=] { softmax_cross_entropy(Variable(Tensor::zeros({2})), good); }, "rank 2, got [2]"),
      refuses<DTypeError>(
          "integer scores",
          [=] {
            softmax_cross_entropy(Variable(Tensor::zeros({2, 3}, DType::i64)), good);
          },
          "got i64"),
      refuses<ValueError>(
          "no labels", [=] { softmax_cross_entropy(x, Tensor()); }, "label is undefined"),
  };
  return result;
}

}  // namespace

TEST_CASE("softmax_cross_entropy", "[op]") { check(cross_entropy_case()); }

TEST_CASE("softmax_cross_entropy is pick of log_softmax, in one pass", "[op]") {
  for (const Device device : available_devices()) {
    for (const int64_t classes : {1, 9, 1000, 1500}) {
      const Tensor label = random_indices({50}, classes, 3).to(device);
      const Variable x(random_tensor({50, classes}, 4, -50, 50).to(device), true), same(x.value().clone(), true);
      const Variable fused = softmax_cross_entropy(x, label), composed = neg(pick(log_softmax(same), label));
      CHECK(difference(fused.value().to(Device::cpu()), composed.value().to(Device::cpu()), 1e-13, 1e-13) == "");
      const Tensor cotangent = random_tensor({50}, 5).to(device);
      backward(fused, cotangent);
      backward(composed, cotangent);
      CHECK(difference(x.grad().to(Device::cpu()), same.grad().to(Device::cpu()), 1e-13, 1e-13) == "");
    }
  }
}

TEST_CASE("softmax_cross_entropy on a GPU reports a label out of range", "[op]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    for (const int64_t wrong : {-1, 3}) {
      const Variable loss = softmax_cross_entropy(Variable(Tensor::zeros({2, 3}, DType::f32, device)),
                                                  Tensor::from({wrong, int64_t{0}}).to(device));
      CHECK_THROWS_AS(loss.value().to_doubles(), ValueError);
    }
  }
}

TEST_CASE("softmax_cross_entropy of huge scores stays finite", "[op]") {
  for (const Device device : available_devices()) {
    const Variable x(Tensor::from({1e30f, -1e30f, 7.f, 7.f}, {2, 2}).to(device), true);
    const Variable loss = softmax_cross_entropy(x, Tensor::from<int64_t>({0, 1}).to(device));
    CHECK(difference(loss.value().to(Device::cpu()), Tensor::from({0., std::log(2.)}), 1e-6, 0) == "");
    backward(loss, Tensor::full({2}, 1, DType::f32, device));
    CHECK(difference(x.grad().to(Device::cpu()), Tensor::from({0., 0., 0.5, -0.5}, {2, 2}), 1e-6, 0) == "");
  }
}

}  // namespace divvy::test
