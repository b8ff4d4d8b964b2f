#include "kernels/gather_samples.h"

#include "tensor/generator.h"
#include "tensor/graph.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
using kernels::SampleChanges;

Tensor stored(const Shape& shape, DType dtype) {
  if (dtype == DType::f32) return random_tensor(shape, 5, -1, 1, DType::f32);
  Tensor x = Tensor::empty(shape, DType::u8);
  const Tensor numbers = random_indices(shape, 256, 5);
  for (int64_t i = 0; i < x.numel(); ++i)
    x.mutable_data<uint8_t>()[i] = static_cast<uint8_t>(numbers.data<int64_t>()[i]);
  return x;
}

/// The batch by plain loops. What a word says is written out once more here.
Tensor naive(const Tensor& x, const Tensor& index, const Tensor& values, const SampleChanges& changes) {
  Tensor y = Tensor::empty(x.shape().with(0, index.size(0)));
  const int64_t channels = x.size(1), plane = x.shape().range(2).numel();
  const int64_t height = x.rank() == 4 ? x.size(2) : 1, width = x.rank() == 4 ? x.size(3) : plane;
  Generator generator(changes.seed, changes.stream);
  generator.set_offset(changes.offset);
  for (int64_t i = 0; i < index.size(0); ++i) {
    const auto words = generator.bits();
    const auto choices = static_cast<uint64_t>(2 * changes.padding + 1);
    const auto top = static_cast<int64_t>(words[0] * choices / 4294967296) - changes.padding;
    const auto left = static_cast<int64_t>(words[1] * choices / 4294967296) - changes.padding;
    const bool mirrored = changes.flip && words[2] % 2 == 1;
    for (int64_t j = 0; j < channels * plane; ++j) {
      const int64_t c = j / plane;
      int64_t row = top + j % plane / width, column = left + (mirrored ? width - 1 - j % width : j % width);
      if (changes.reflect) {
        if (row < 0) row = -row;
        if (row >= height) row = 2 * height - 2 - row;
        if (column < 0) column = -column;
        if (column >= width) column = 2 * width - 2 - column;
      }
      const bool inside = row >= 0 && row < height && column >= 0 && column < width;
      const int64_t at = ((index.data<int64_t>()[i] * channels + c) * height + row) * width + column;
      float& to = y.mutable_data<float>()[i * channels * plane + j];
      to = values.data<float>()[c * values.size(1)];
      if (inside)
        to = x.dtype() == DType::u8 ? values.data<float>()[c * 256 + x.data<uint8_t>()[at]] : x.data<float>()[at];
    }
  }
  return y;
}

}  // namespace

TEST_CASE("gather_samples against naive loops", "[kernel][device]") {
  const std::vector<SampleChanges> all = {
      {},
      {.flip = true, .seed = 1, .stream = 2, .offset = 3},
      {.padding = 2, .seed = 4, .stream = 5, .offset = uint64_t{1} << 40},
      {.flip = true, .padding = 3, .reflect = true, .seed = 7, .stream = 8, .offset = 9},
  };
  for (const DType dtype : {DType::u8, DType::f32}) {
    for (const Shape& shape : {Shape{7, 3}, Shape{1, 1}, Shape{5, 1, 4, 6}, Shape{6, 3, 9, 5}, Shape{4, 2, 40, 11}}) {
      for (const SampleChanges& changes : all) {
        if (!changes.none() && shape.rank() != 4) continue;
        const Tensor x = stored(shape, dtype);
        const Tensor values = random_tensor({shape[1], dtype == DType::u8 ? 256 : 1}, 6, -1, 1, DType::f32);
        for (const int64_t n : {0, 1, 20}) {
          INFO(shape.to_string() << ", " << n << " samples, padding " << changes.padding);
          const Tensor index = random_indices({n}, shape[0], 7);
          const Tensor expected = naive(x, index, values, changes);
          for (const Device device : available_devices()) {
            Tensor y = Tensor::empty(expected.shape(), DType::f32, device);
            kernels::gather_samples(x.to(device), index.to(device), values.to(device), changes, y);
            CHECK(same_bits(y.to(Device::cpu()), expected));
          }
        }
      }
    }
  }
}

TEST_CASE("gather_samples refuses what does not fit", "[kernel][device]") {
  const Tensor x = stored({5, 1, 4, 6}, DType::u8), values = Tensor::zeros({1, 256});
  const auto call = [&](const Tensor& from, const Tensor& index, const Tensor& of, const SampleChanges& changes) {
    Tensor y = Tensor::empty(from.shape().with(0, index.size(0)));
    kernels::gather_samples(from, index, of, changes, y);
  };
  const Tensor two = Tensor::zeros({2}, DType::i64), beyond = Tensor::from<int64_t>({0, 5}, {2});
  CHECK_THROWS_AS(call(x, beyond, values, {}), ValueError);
  CHECK_THROWS_AS(call(x, two, Tensor::zeros({1, 1}), {}), ShapeError);
  CHECK_THROWS_AS(call(Tensor::zeros({2, 3}, DType::f64), two, Tensor::zeros({3, 1}), {}), DTypeError);
  CHECK_THAT(refusal<ValueError>([&] { call(x, two, values, {.padding = 5}); }), Contains("too much for images"));
  CHECK_THAT(refusal<ValueError>([&] { call(x, two, values, {.padding = 4, .reflect = true}); }), Contains("too much"));
  CHECK_THAT(refusal<ValueError>([&] { call(x, two, values, {.padding = -1}); }), Contains("negative"));
  CHECK_THAT(refusal<ValueError>([&] {
               call(Tensor::zeros({2, 3}), two, Tensor::zeros({3, 1}), {.flip = true});
             }),
             Contains("only images"));
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    for (const SampleChanges& changes : {SampleChanges{}, SampleChanges{.flip = true}}) {
      Tensor y = Tensor::empty({2, 1, 4, 6}, DType::f32, device);
      kernels::gather_samples(x.to(device), beyond.to(device), values.to(device), changes, y);
      CHECK_THAT(refusal<ValueError>([&] { y.to_doubles(); }), Contains("gather_samples: an index is out of range"));
    }
    Tensor y = Tensor::empty({2, 1, 4, 6}, DType::f32, device);
    const auto recorded = [&, from = x.to(device), at = two.to(device), of = values.to(device)](bool flip) {
      cuda::Graph(device.index, [&] { kernels::gather_samples(from, at, of, {.flip = flip}, y); });
    };
    recorded(false);
    CHECK_THAT(refusal<DeviceError>([&] { recorded(true); }), Contains("drawing random numbers cannot be part"));
  }
}

}  // namespace divvy::test
