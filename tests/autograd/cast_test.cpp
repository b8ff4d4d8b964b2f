#include "autograd/ops/cast.h"

#include "autograd/ops/binary.h"
#include "tensor/error.h"
#include "tests/support/op_case.h"

namespace divvy::test {

TEST_CASE("cast", "[op]") {
  OpCase result;
  const Shape shapes[] = {{},     {0},    {1},    {5},    {16},      {17},      {0, 3},       {3, 0},
                          {1, 1}, {4, 1}, {1, 7}, {4, 5}, {2, 3, 4}, {2, 0, 4}, {2, 3, 2, 2}, {40000}};
  uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    // To f64 and back to the type of the input: the identity for either.
    result.samples.push_back({shape.to_string(),
                              {random_tensor(shape, seed++)},
                              [](const auto& in) { return cast(mul(cast(in[0], DType::f64), 3), in[0].dtype()); },
                              [](const auto& in) {
                                auto values = in[0].to_doubles();
                                for (double& v : values) v *= 3;
                                return Tensor::from(values, in[0].shape());
                              }});
  }
  const Variable x(Tensor::zeros({2}));
  result.errors = {
      refuses<DTypeError>(
          "to integers", [=] { cast(x, DType::i64); }, "f32 or f64, got i64"),
      refuses<DTypeError>(
          "to bf16", [=] { cast(x, DType::bf16); }, "f32 or f64, got bf16"),
      refuses<ValueError>(
          "no variable", [] { cast(Variable(), DType::f32); }, "undefined"),
  };
  check(result);
}

TEST_CASE("cast rounds, and its gradient comes back in the type of the input") {
  const Variable x(Tensor::from({1.0, 1.0 + 1e-12}), true);
  const Variable y = cast(x, DType::f32);
  CHECK(same_bits(y.value(), Tensor::from({1.f, 1.f})));
  backward(y, Tensor::from({0.5f, 3.f}));
  CHECK(same_bits(x.grad(), Tensor::from({0.5, 3.0})));
  const Variable pixels(Tensor::from<uint8_t>({0, 255}));
  CHECK(same_bits(cast(pixels, DType::f32).value(), Tensor::from({0.f, 255.f})));
  CHECK(cast(x, DType::f64).is(x));
}

}  // namespace divvy::test
