#include "tensor/tensor.h"

#include <cmath>
#include <limits>

#include "tensor/error.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

namespace divvy::test {

namespace {

using Doubles = std::vector<double>;

/// [[0, 1, 2], [3, 4, 5]]
Tensor matrix() { return Tensor::from({0.f, 1.f, 2.f, 3.f, 4.f, 5.f}, {2, 3}); }

}  // namespace

TEST_CASE("Tensors are made with a shape, a type and values") {
  const Tensor zeros = Tensor::zeros({2, 3}, DType::i32);
  CHECK(zeros.shape() == Shape{2, 3});
  CHECK(zeros.dtype() == DType::i32);
  CHECK(zeros.device() == Device::cpu());
  CHECK(zeros.nbytes() == 24);
  CHECK(zeros.to_doubles() == Doubles(6, 0));
  CHECK(Tensor::full({2}, 1.5).to_doubles() == Doubles{1.5, 1.5});
  CHECK(Tensor::full({2}, 1.00390625, DType::bf16).to_doubles() == Doubles{1, 1});
  CHECK(Tensor::scalar(7, DType::u8).shape() == Shape{});
  CHECK(Tensor::scalar(7, DType::u8).item() == 7);
  CHECK(matrix().size(-1) == 3);
  CHECK(Tensor::from({1., 2.}).dtype() == DType::f64);
  CHECK(Tensor::from(std::vector<int64_t>{1, 2}, {1, 2}).to_doubles() == Doubles{1, 2});
  CHECK(Tensor::empty_like(zeros).dtype() == DType::i32);
  CHECK(Tensor::zeros_like(zeros).shape() == Shape{2, 3});
  for (const DType dtype : {DType::f32, DType::f64, DType::bf16, DType::i32, DType::i64, DType::u8}) {
    CHECK(Tensor::full({3}, 5, dtype).to_doubles() == Doubles(3, 5));
    CHECK(Tensor::ones_like(Tensor::zeros({1, 3}, dtype)).to_doubles() == Doubles(3, 1));
    CHECK(Tensor::arange(4, dtype).to_doubles() == Doubles{0, 1, 2, 3});
    CHECK(Tensor::arange(9, 2, -3, dtype).to_doubles() == Doubles{9, 6, 3});
    CHECK(Tensor::arange(2, 5, 1, dtype).dtype() == dtype);
    CHECK(Tensor::zeros({0, 4}, dtype).to_doubles().empty());
    CHECK(reinterpret_cast<uintptr_t>(Tensor::empty({3}, dtype).bytes()) % 64 == 0);
  }
}

TEST_CASE("An integer tensor is filled only with numbers that it has") {
  CHECK(Tensor::full({1}, -2147483648.0, DType::i32).item() == -2147483648.0);
  CHECK(Tensor::full({1}, 255, DType::u8).item() == 255);
  CHECK(Tensor::full({1}, -0x1p63, DType::i64).values<int64_t>()[0] == std::numeric_limits<int64_t>::min());
  CHECK_THROWS_WITH(Tensor::full({1}, 256, DType::u8), "a tensor of u8 cannot hold 256");
  CHECK_THROWS_AS(Tensor::full({1}, -1, DType::u8), ValueError);
  CHECK_THROWS_AS(Tensor::full({1}, 0.5, DType::i32), ValueError);
  CHECK_THROWS_AS(Tensor::full({1}, 0x1p63, DType::i64), ValueError);
  CHECK_THROWS_AS(Tensor::scalar(std::nan(""), DType::i64), ValueError);
  CHECK(std::isnan(Tensor::scalar(std::nan("")).item()));
}

TEST_CASE("arange counts up to its end, which it leaves out") {
  CHECK(Tensor::arange(3).dtype() == DType::i64);
  CHECK(Tensor::arange(1).to_doubles() == Doubles{0});
  CHECK(Tensor::arange(0).shape() == Shape{0});
  CHECK(Tensor::arange(2, 5).dtype() == DType::f32);
  CHECK(Tensor::arange(0, 1, 0.25).to_doubles() == Doubles{0, 0.25, 0.5, 0.75});
  CHECK(Tensor::arange(0, 1.01, 0.5).to_doubles() == Doubles{0, 0.5, 1});
  CHECK(Tensor::arange(5, 5).shape() == Shape{0});
  CHECK(Tensor::arange(5, 2).shape() == Shape{0});
  // Each element is rounded once: sums of a rounded step would drift.
  CHECK(Tensor::arange(0, 100, 0.1, DType::f64).values<double>()[999] == 999 * 0.1);
  CHECK_THROWS_WITH(Tensor::arange(0, 3, 0), "arange: there are no steps of 0 from 0 to 3");
  CHECK_THROWS_AS(Tensor::arange(0, INFINITY), ValueError);
  CHECK_THROWS_AS(Tensor::arange(std::nan(""), 1), ValueError);
  CHECK_THROWS_AS(Tensor::arange(0, 1, 1e-300), ValueError);
  CHECK_THROWS_AS(Tensor::arange(-1), ShapeError);
  CHECK_THROWS_AS(Tensor::arange(257, DType::u8), ValueError);
  CHECK_THROWS_AS(Tensor::arange(0, 1, 0.5, DType::i32), ValueError);
}

TEST_CASE("Values are read and written in their own type only") {
  Tensor t = matrix();
  t.mutable_values<float>()[4] = 40;
  CHECK(t.values<float>()[4] == 40);
  CHECK(t.data<float>()[5] == 5);
  CHECK_THROWS_WITH(t.data<double>(), "expected a tensor of f64, got f32 [2, 3]");
  CHECK_THROWS_AS(t.mutable_data<int64_t>(), DTypeError);
  CHECK(Tensor::from({3.5}).item() == 3.5);
  CHECK_THROWS_WITH(t.item(), "item() needs a tensor with one element, got [2, 3]");
  CHECK_THROWS_AS(Tensor::zeros({0}).item(), ShapeError);
  CHECK_THROWS_WITH(Tensor::from({1., 2.}, {3}), "2 values do not fill a tensor [3]");
}

TEST_CASE("A copy of a tensor shares its memory, a clone does not") {
  Tensor t = matrix();
  CHECK(t.is_unique());
  Tensor shared = t;
  Tensor clone = t.clone();
  CHECK(!t.is_unique());
  CHECK(shared.shares_memory_with(t));
  CHECK(!clone.shares_memory_with(t));
  shared.mutable_values<float>()[0] = 9;
  CHECK(t.values<float>()[0] == 9);
  CHECK(clone.values<float>()[0] == 0);
  CHECK(same_bits(clone, matrix()));
  CHECK(t.to(Device::cpu()).shares_memory_with(t));
}

TEST_CASE("Writing through any handle counts as a new version") {
  Tensor t = matrix();
  const Tensor view = t.slice(1, 2);
  const uint64_t before = view.version();
  CHECK(t.data<float>() != nullptr);
  CHECK(view.version() == before);
  t.mutable_data<float>();
  CHECK(view.version() == before + 1);
  t.reshape({6}).copy_from(Tensor::zeros({6}));
  CHECK(view.version() == before + 2);
  t.mark_changed();
  CHECK(view.version() == before + 3);
  CHECK_THROWS_AS(Tensor().mark_changed(), ValueError);
  CHECK(t.clone().version() < before + 2);
  CHECK(Tensor().version() == 0);
}

TEST_CASE("reshape is a view with the same elements") {
  const Tensor t = matrix();
  const Tensor column = t.reshape({3, 2});
  CHECK(column.shares_memory_with(t));
  CHECK(column.to_doubles() == t.to_doubles());
  CHECK(t.reshape({-1}).shape() == Shape{6});
  CHECK(t.reshape({3, -1, 1}).shape() == Shape{3, 2, 1});
  CHECK(t.reshape(Shape{1, 6}).shape() == Shape{1, 6});
  CHECK(Tensor::scalar(1).reshape({1, 1}).shape() == Shape{1, 1});
  CHECK(Tensor::from({1.}).reshape(Shape{}).shape() == Shape{});
  CHECK(Tensor::zeros({0, 3}).reshape({-1, 3}).shape() == Shape{0, 3});
  CHECK_THROWS_WITH(t.reshape({4}), "reshape: 6 elements [2, 3] do not fit [4]");
  CHECK_THROWS_WITH(t.reshape({4, -1}), "reshape: cannot infer a size, [2, 3] to [4, -1]");
  CHECK_THROWS_AS(Tensor::zeros({0, 3}).reshape({-1, 0}), ShapeError);
  CHECK_THROWS_AS(t.reshape({-1, -1}), ShapeError);
  CHECK_THROWS_AS(t.reshape({-2, -3}), ShapeError);
  CHECK_THROWS_AS(t.reshape({1, 1, 1, 1, 1, 1, 1, 1, 6}), ShapeError);
}

TEST_CASE("slice and operator[] are views of the leading axis") {
  const Tensor t = Tensor::from({0, 1, 2, 3, 4, 5}, {3, 2});
  CHECK(t.slice(1, 3).to_doubles() == Doubles{2, 3, 4, 5});
  CHECK(t.slice(1, 3).shape() == Shape{2, 2});
  CHECK(t.slice(1, 3).slice(1, 2).to_doubles() == Doubles{4, 5});
  CHECK(t.slice(3, 3).shape() == Shape{0, 2});
  CHECK(t[1].shape() == Shape{2});
  CHECK(t[1][1].item() == 3);
  CHECK(t[2].shares_memory_with(t));
  Tensor row = t[0];
  row.copy_from(Tensor::from({8, 9}));
  CHECK(t.to_doubles() == Doubles{8, 9, 2, 3, 4, 5});
  CHECK_THROWS_WITH(t.slice(1, 4), "slice: no rows [1, 4) in shape [3, 2]");
  CHECK_THROWS_AS(t.slice(-1, 1), ShapeError);
  CHECK_THROWS_AS(t.slice(2, 1), ShapeError);
  CHECK_THROWS_AS(Tensor::scalar(1).slice(0, 0), ShapeError);
  CHECK_THROWS_WITH(t[3], "there is no row 3 in shape [3, 2]");
  CHECK_THROWS_AS(t[-1], ShapeError);
  CHECK_THROWS_AS(t[INT64_MAX], ShapeError);
  CHECK_THROWS_AS(Tensor::scalar(1)[0], ShapeError);
  CHECK_THROWS_AS(Tensor::zeros({0, 2})[0], ShapeError);
}

TEST_CASE("copy_from copies elements of the same shape and type") {
  Tensor t = matrix();
  t.slice(0, 1).copy_from(t.slice(1, 2));
  CHECK(t.to_doubles() == Doubles{3, 4, 5, 3, 4, 5});
  t.copy_from(t);
  CHECK(t.to_doubles() == Doubles{3, 4, 5, 3, 4, 5});
  CHECK_THROWS_WITH(t.copy_from(Tensor::zeros({3, 2})), "copy_from: [2, 3] cannot hold [3, 2]");
  CHECK_THROWS_WITH(t.copy_from(Tensor::zeros({2, 3}, DType::f64)), "copy_from: f32 cannot hold f64");
  CHECK_THROWS_AS(Tensor::scalar(0).copy_from(Tensor()), ValueError);
}

TEST_CASE("An undefined tensor stands for none, and says so where it is used") {
  Tensor none;
  CHECK(!none.defined());
  CHECK(!none);
  CHECK(!none.shares_memory_with(none));
  CHECK_THROWS_WITH(none.bytes(), "an undefined tensor was used");
  CHECK_THROWS_AS(none.mutable_data<float>(), ValueError);
  CHECK_THROWS_AS(none.device(), ValueError);
  CHECK_THROWS_AS(none.item(), ValueError);
  CHECK_THROWS_AS(none.clone(), ValueError);
  CHECK_THROWS_AS(none.reshape({1}), ValueError);
  CHECK_THROWS_AS(none.slice(0, 0), ValueError);
  CHECK_THROWS_AS(none[0], ValueError);
  CHECK_THROWS_AS(none.to(Device::cpu()), ValueError);
}

TEST_CASE("A device that is not there is a DeviceError") {
  const int devices = cuda_device_count();
  CHECK(devices >= 0);
  CHECK_THROWS_AS(Tensor::zeros({2}, DType::f32, Device::cuda(devices)), DeviceError);
  CHECK_THROWS_AS(Tensor::empty({0}, DType::f32, Device::cuda(-1)), DeviceError);
  CHECK_THROWS_AS(matrix().to(Device::cuda(devices)), DeviceError);
  CHECK(Device::cuda(1).to_string() == "cuda:1");
  CHECK(fmt::format("{}", Device::cpu()) == "cpu");
}

TEST_CASE("Tensors travel to a GPU and back", "[gpu]") {
  if (cuda_device_count() == 0) return;
  const Device gpu = Device::cuda();
  const Tensor there = matrix().to(gpu);
  CHECK(there.device() == gpu);
  CHECK(there.to_doubles() == matrix().to_doubles());
  CHECK(same_bits(there.clone(), matrix()));
  CHECK(there[1].to_doubles() == Doubles{3, 4, 5});
  CHECK(Tensor::zeros({5}, DType::i64, gpu).to_doubles() == Doubles(5, 0));
  CHECK(Tensor::full({2}, 3, DType::u8, gpu).to_doubles() == Doubles{3, 3});
  CHECK(Tensor::arange(3, DType::i64, gpu).to_doubles() == Doubles{0, 1, 2});
  CHECK(Tensor::zeros({0}, DType::f32, gpu).to_doubles().empty());
  CHECK_THROWS_WITH(there.values<float>(), "expected a tensor on the CPU, got one on cuda:0; copy it with to()");
  CHECK_THROWS_AS(Tensor::empty({int64_t{1} << 46}, DType::u8, gpu), OutOfMemoryError);
}

}  // namespace divvy::test
