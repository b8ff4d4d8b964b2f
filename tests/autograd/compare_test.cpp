#include "autograd/ops/compare.h"

#include <cmath>
#include <random>

#include "tensor/error.h"
#include "tests/support/broadcast.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

/// The forms of a comparison, and what it computes.
struct Forms {
  const char* name;
  Tensor (*tensors)(const Tensor&, const Tensor&);
  Tensor (*number)(const Tensor&, double);
  Tensor (*variables)(const Variable&, const Variable&);
  Tensor (*variable_number)(const Variable&, double);
  bool (*holds)(double, double);
};

#define FORMS(op, symbol)                                              \
  Forms {                                                              \
#op, op, op, op, op, [](double a, double b) { return a symbol b; } \
  }

const Forms kForms[] = {FORMS(equal, ==),      FORMS(not_equal, !=), FORMS(less, <),
                        FORMS(less_equal, <=), FORMS(greater, >),    FORMS(greater_equal, >=)};

/// Few different values, so that many are equal.
Tensor small_values(const Shape& shape, DType dtype, uint64_t seed) {
  std::mt19937_64 random(seed);
  Tensor x = Tensor::empty(shape, dtype);
  visit_any(dtype, [&]<class T>() {
    for (T& v : x.mutable_values<T>()) v = T(static_cast<float>(random() % 4));
  });
  return x;
}

Tensor naive(const Forms& forms, const Tensor& a, const Tensor& b) {
  const Shape shape = broadcast_shapes("naive", a.shape(), b.shape());
  const auto u = broadcast_values(a, shape), v = broadcast_values(b, shape);
  std::vector<uint8_t> values;
  for (size_t i = 0; i < u.size(); ++i) values.push_back(forms.holds(u[i], v[i]) ? 1 : 0);
  return Tensor::from(values, shape);
}

}  // namespace

TEST_CASE("comparisons agree with naive loops for every type and kind of broadcasting", "[device]") {
  const std::pair<Shape, Shape> shapes[] = {{{}, {}},
                                            {{1}, {1}},
                                            {{0}, {0}},
                                            {{0, 3}, {3}},
                                            {{5}, {5}},
                                            {{5}, {}},
                                            {{}, {5}},
                                            {{4, 5}, {4, 5}},
                                            {{4, 5}, {5}},
                                            {{4, 5}, {4, 1}},
                                            {{4, 1}, {1, 5}},
                                            {{2, 3, 4}, {3, 1}},
                                            {{3}, {2, 1, 1}},
                                            {{130, 300}, {130, 300}},
                                            {{130, 300}, {300}},
                                            {{130, 1}, {130, 300}}};
  uint64_t seed = 1;
  for (const Forms& forms : kForms) {
    for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
      for (const auto& [left, right] : shapes) {
        INFO(forms.name << " " << name_of(dtype) << " " << left.to_string() << " with " << right.to_string());
        const Tensor a = small_values(left, dtype, seed++), b = small_values(right, dtype, seed++);
        for (const Device device : available_devices()) {
          CHECK(same_bits(forms.tensors(a.to(device), b.to(device)).to(Device::cpu()), naive(forms, a, b)));
        }
        CHECK(same_bits(forms.variables(Variable(a), Variable(b)), naive(forms, a, b)));
        const Tensor two = Tensor::scalar(2, dtype);
        CHECK(same_bits(forms.number(a, 2), naive(forms, a, two)));
        CHECK(same_bits(forms.variable_number(Variable(a), 2), naive(forms, a, two)));
      }
    }
  }
}

TEST_CASE("comparisons of NaN, signed zeros and integers that no double holds", "[device]") {
  const Tensor a = Tensor::from({std::nan(""), std::nan(""), 0.0}), b = Tensor::from({1.0, std::nan(""), -0.0});
  for (const Device device : available_devices()) {
    for (const Forms& forms : kForms) {
      CHECK(same_bits(forms.tensors(a.to(device), b.to(device)).to(Device::cpu()), naive(forms, a, b)));
      CHECK(same_bits(forms.number(a.to(device), 0).to(Device::cpu()), naive(forms, a, Tensor::scalar(0))));
    }
  }
  const Tensor big = Tensor::from<int64_t>({(int64_t{1} << 62) + 1}),
               next = Tensor::from<int64_t>({(int64_t{1} << 62) + 2});
  for (const Device device : available_devices()) {
    CHECK(less(big.to(device), next.to(device)).item() == 1);
    CHECK(equal(big.to(device), next.to(device)).item() == 0);
  }
}

TEST_CASE("comparisons refuse what does not fit") {
  const Tensor x = Tensor::zeros({2, 3}), labels = Tensor::zeros({3}, DType::i64);
  for (const Forms& forms : kForms) {
    INFO(forms.name);
    CHECK_THROWS_AS(forms.tensors(x, Tensor::zeros({2})), ShapeError);
    CHECK_THROWS_AS(forms.tensors(x, labels), DTypeError);
    CHECK_THROWS_AS(forms.tensors(x, Tensor()), ValueError);
    CHECK_THROWS_AS(forms.tensors(Tensor(), x), ValueError);
    CHECK_THROWS_AS(forms.number(Tensor(), 1), ValueError);
    CHECK_THROWS_AS(forms.number(labels, 0.5), ValueError);
    CHECK_THROWS_AS(forms.number(labels, 1e300), ValueError);
    CHECK_THROWS_AS(forms.number(labels, 0x1p63), ValueError);
    CHECK_THROWS_AS(forms.number(labels, std::nan("")), ValueError);
    CHECK_THROWS_AS(forms.variables(Variable(), Variable(x)), ValueError);
  }
}

}  // namespace divvy::test
