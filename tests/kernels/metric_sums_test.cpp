#include "kernels/metric_sums.h"

#include <cmath>

#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;

TEST_CASE("accumulate_metrics adds up numbers and keeps the last ones", "[kernel][device]") {
  for (const Device device : available_devices()) {
    for (const int64_t count : {0, 1, 2, 31, 32, 33, 70}) {
      Tensor sums = Tensor::zeros({2, count}, DType::f64, device);
      std::vector<double> sum(static_cast<size_t>(count), 0.0), last = sum;
      for (int batch = 1; batch <= 3; ++batch) {
        std::vector<Tensor> values;
        std::vector<double> factors;
        for (int64_t i = 0; i < count; ++i) {
          const auto at = static_cast<size_t>(i);
          const DType dtype = i % 2 == 0 ? DType::f32 : DType::f64;
          last[at] = static_cast<double>(batch) + static_cast<double>(i) / 4;  // exact in f32
          values.push_back(Tensor::full(i % 3 == 0 ? Shape{} : Shape{1, 1}, last[at], dtype, device));
          factors.push_back(static_cast<double>(i - 2));
          sum[at] += last[at] * factors[at];
        }
        kernels::accumulate_metrics(values, factors, sums);
      }
      sum.insert(sum.end(), last.begin(), last.end());
      CHECK(sums.to_doubles() == sum);
    }
  }
}

TEST_CASE("count_correct counts rows whose first largest entry is the label's", "[kernel][device]") {
  const double nan = std::nan("");
  const Tensor output = Tensor::from({0., 1., 0.,   //
                                      2., 2., 1.,   //
                                      2., 2., 1.,   //
                                      nan, 5., 6.,  //
                                      1., nan, 3.,  //
                                      -1., -2., -3.},
                                     {6, 3});
  const Tensor labels = Tensor::from<int64_t>({1, 0, 1, 0, 2, 7}, {6});
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f32, DType::f64}) {
      Tensor count = Tensor::full({}, 100, DType::i64, device);
      kernels::count_correct(converted(output, dtype).to(device), labels.to(device), count);
      CHECK(count.item() == 104);
      kernels::count_correct(Tensor::zeros({0, 3}, dtype, device), Tensor::zeros({0}, DType::i64, device), count);
      CHECK(count.item() == 104);
    }
    for (const int64_t rows : {1, 31, 32, 33, 255, 256, 257, 1000}) {
      for (const int64_t classes : {1, 10}) {
        const Tensor x = random_tensor({rows, classes}, 3);
        const Tensor y = random_indices({rows}, classes, 4);
        int64_t expected = 0;
        for (int64_t b = 0; b < rows; ++b) {
          int64_t best = 0;
          for (int64_t c = 1; c < classes; ++c) {
            if (x.data<double>()[b * classes + c] > x.data<double>()[b * classes + best]) best = c;
          }
          expected += best == y.data<int64_t>()[b];
        }
        Tensor count = Tensor::zeros({}, DType::i64, device);
        kernels::count_correct(x.to(device), y.to(device), count);
        CHECK(count.item() == static_cast<double>(expected));
      }
    }
  }
}

TEST_CASE("accumulate_metrics and count_correct refuse what does not fit", "[kernel]") {
  Tensor sums = Tensor::zeros({2, 1}, DType::f64), count = Tensor::zeros({}, DType::i64);
  const Tensor one = Tensor::zeros({1}), two = Tensor::zeros({2}), labels = Tensor::zeros({2}, DType::i64);
  CHECK_THAT(refusal<ValueError>([&] { kernels::accumulate_metrics(std::vector{one}, {}, sums); }),
             Contains("0 factors for 1"));
  const std::vector<double> factor{1};
  CHECK_THAT(refusal<ShapeError>([&] { kernels::accumulate_metrics(std::vector{two}, factor, sums); }),
             Contains("one element"));
  CHECK_THROWS_AS(kernels::accumulate_metrics(std::vector{labels}, factor, sums), DTypeError);
  CHECK_THROWS_AS(kernels::accumulate_metrics({}, {}, sums), ShapeError);
  CHECK_THAT(refusal<ShapeError>([&] {
               kernels::count_correct(Tensor::zeros({2, 0}), labels, count);
             }),
             Contains("no classes"));
  CHECK_THROWS_AS(kernels::count_correct(Tensor::zeros({3, 1}), labels, count), ShapeError);
  CHECK_THROWS_AS(kernels::count_correct(Tensor::zeros({2, 1}), two, count), DTypeError);
  CHECK_THROWS_AS(kernels::count_correct(Tensor::zeros({2, 1}), labels, sums), DTypeError);
}

}  // namespace divvy::test
