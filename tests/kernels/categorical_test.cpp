#include "kernels/categorical.h"

#include "tensor/generator.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;

TEST_CASE("categorical draws what the generator draws", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      for (const int64_t rows : {0, 1, 2, 7, 3000}) {
        for (const int64_t classes : {1, 3, 50}) {
          INFO(rows << " rows, " << classes << " classes on " << device.to_string());
          Tensor p = random_tensor({rows, classes}, 3, -1, 1, dtype);
          visit_floating("test", dtype, [&]<class T>() {
            for (T& v : p.mutable_values<T>()) v = v < 0 ? 0 : v;  // half of them are never drawn
            for (int64_t r = 0; r < rows; ++r) p.mutable_data<T>()[r * classes] += T(0.1);
          });
          Generator generator(5, 2), again(5, 2);
          Tensor drawn = Tensor::full({rows}, 99, DType::i64, device);
          kernels::categorical(p.to(device), generator.uniform({rows}, 0, 1, DType::f64).to(device), drawn);
          CHECK(same_bits(drawn.to(Device::cpu()), again.categorical(p)));
          CHECK(generator.offset() == again.offset());
        }
      }
    }
  }
}

TEST_CASE("categorical refuses what is no distribution", "[kernel][device]") {
  for (const Device device : available_devices()) {
    const Tensor u = Tensor::full({2}, 0.5, DType::f64, device);
    Tensor drawn = Tensor::zeros({2}, DType::i64, device), short_one = Tensor::zeros({1}, DType::i64, device);
    for (const float bad :
         {-1.f, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(), 0.f}) {
      const Tensor p = Tensor::from({1.f, 1.f, bad, 0.f}, {2, 2}).to(device);
      CHECK_THAT(refusal<ValueError>([&] {
                   kernels::categorical(p, u, drawn);
                   drawn.to(Device::cpu());
                 }),
                 Contains("is no distribution"));
    }
    const Tensor p = Tensor::full({2, 2}, 1, DType::f32, device);
    CHECK_THAT(refusal<ShapeError>([&] { kernels::categorical(p, u, short_one); }),
               Contains("classes must be [2], got [1]"));
    CHECK_THAT(refusal<DTypeError>([&] { kernels::categorical(p, Tensor::zeros({2}, DType::f32, device), drawn); }),
               Contains("u must be f64, got f32"));
  }
}

}  // namespace divvy::test
