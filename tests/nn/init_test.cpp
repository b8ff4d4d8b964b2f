#include "nn/init.h"

#include <numeric>

#include "tests/support/compare.h"
#include "tests/support/refusal.h"

namespace divvy::test {

namespace {

using Catch::Matchers::Contains;
namespace init = nn::init;

Variable parameter(const Shape& shape, int64_t experts = 0, DType dtype = DType::f32) {
  Variable p(Tensor::full(shape, 99, dtype), true);
  p.set_part_name(experts > 0 ? "expert" : "");
  return p;
}

struct Moments {
  double mean, deviation, low, high;
};

Moments moments(const Tensor& t) {
  const auto values = t.to_doubles();
  const double n = static_cast<double>(values.size());
  const double mean = std::accumulate(values.begin(), values.end(), 0.0) / n;
  double squares = 0;
  for (double v : values) squares += (v - mean) * (v - mean);
  const auto [low, high] = std::minmax_element(values.begin(), values.end());
  return {mean, std::sqrt(squares / n), *low, *high};
}

/// Uniform in (-bound, bound), and nearly all of it.
void check_uniform(const Tensor& t, double bound) {
  const Moments m = moments(t);
  CHECK(m.low >= -bound);
  CHECK(m.high <= bound);
  CHECK(m.low < -0.98 * bound);
  CHECK(m.high > 0.98 * bound);
  CHECK(std::abs(m.mean) < 0.04 * bound);
  CHECK(m.deviation == Approx(bound / std::sqrt(3)).epsilon(0.03));
}

void check_normal(const Tensor& t, double mean, double deviation) {
  const Moments m = moments(t);
  CHECK(std::abs(m.mean - mean) < 0.06 * deviation);
  CHECK(m.deviation == Approx(deviation).epsilon(0.04));
  CHECK(m.high > mean + 2 * deviation);
}

}  // namespace

TEST_CASE("fans count the kernel and leave the experts out", "[init]") {
  CHECK(init::fans(parameter({3, 4})).in == 4);
  CHECK(init::fans(parameter({3, 4})).out == 3);
  CHECK(init::fans(parameter({3, 4, 5, 2})).in == 40);
  CHECK(init::fans(parameter({3, 4, 5, 2})).out == 30);
  CHECK(init::fans(parameter({7, 3, 4}, 7)).in == 4);
  CHECK(init::fans(parameter({7, 3, 4}, 7)).out == 3);
  CHECK(init::fans(parameter({3, 0})).in == 0);
  CHECK_THAT(refusal<ShapeError>([] { init::fans(parameter({3})); }), Contains("[out, in, ...], got [3]"));
  CHECK_THAT(refusal<ShapeError>([] { init::fans(parameter({7, 3}, 7)); }), Contains("got [7, 3]"));
}

TEST_CASE("initializers reach their bounds and moments", "[init]") {
  Generator generator(3);
  for (DType dtype : {DType::f32, DType::f64}) {
    const Variable w = parameter({60, 10, 5}, 0, dtype);  // fans 50 and 300
    init::uniform(w, -2, 6, generator);
    CHECK(moments(w.value()).mean == Approx(2).epsilon(0.05));
    CHECK((moments(w.value()).low >= -2 && moments(w.value()).high <= 6));
    init::normal(w, 3, 0.5, generator);
    check_normal(w.value(), 3, 0.5);
    init::kaiming_uniform(w, generator);
    check_uniform(w.value(), 1 / std::sqrt(50));
    init::kaiming_uniform(w, generator, 0);
    check_uniform(w.value(), std::sqrt(6 / 50.0));
    init::kaiming_normal(w, generator);
    check_normal(w.value(), 0, std::sqrt(2 / 50.0));
    init::xavier_uniform(w, generator);
    check_uniform(w.value(), std::sqrt(6 / 350.0));
    init::xavier_uniform(w, generator, 2);
    check_uniform(w.value(), 2 * std::sqrt(6 / 350.0));
    init::xavier_normal(w, generator);
    check_normal(w.value(), 0, std::sqrt(2 / 350.0));
    init::constant(w, 0.5);
    CHECK((moments(w.value()).low == 0.5 && moments(w.value()).high == 0.5));
    init::zeros(w);
    CHECK((moments(w.value()).low == 0 && moments(w.value()).high == 0));
  }
}

TEST_CASE("stacked experts are drawn one after the other, with the fan of one", "[init]") {
  using Draw = std::function<void(const Variable&, Generator&)>;
  const Draw draws[] = {[](const Variable& w, Generator& g) { init::uniform(w, -1, 1, g); },
                        [](const Variable& w, Generator& g) { init::normal(w, 0, 1, g); },
                        [](const Variable& w, Generator& g) { init::kaiming_uniform(w, g); },
                        [](const Variable& w, Generator& g) { init::kaiming_normal(w, g); },
                        [](const Variable& w, Generator& g) { init::xavier_uniform(w, g); },
                        [](const Variable& w, Generator& g) { init::xavier_normal(w, g); },
                        [](const Variable& w, Generator& g) { init::layer(w, {}, g); }};
  for (const Draw& draw : draws) {
    Generator one(5), other(5);
    const Variable stacked = parameter({3, 5, 7}, 3);
    draw(stacked, one);
    for (int64_t e = 0; e < 3; ++e) {
      const Variable alone = parameter({5, 7});
      draw(alone, other);
      CHECK(same_bits(stacked.value()[e], alone.value()));
    }
    CHECK(one.offset() == other.offset());
  }
}

TEST_CASE("layers start uniformly within the fan of the weight, bias included", "[init]") {
  Generator generator(9);
  const Variable w = parameter({2000, 4}), b = parameter({2000});
  init::layer(w, b, generator);
  check_uniform(w.value(), 0.5);
  check_uniform(b.value(), 0.5);
  const Variable none = parameter({3, 0}), bias = parameter({3});
  init::layer(none, bias, generator);
  CHECK(bias.value().to_doubles() == std::vector<double>{0, 0, 0});
}

TEST_CASE("initializers refuse arguments out of range", "[init]") {
  Generator generator;
  const Variable w = parameter({3, 4}), whole(Tensor::zeros({3, 4}, DType::i64));
  for (double bad : {std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] { init::constant(w, bad); }), Contains("the value must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { init::kaiming_uniform(w, generator, bad); }), Contains("a must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { init::kaiming_normal(w, generator, bad); }), Contains("a must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { init::xavier_uniform(w, generator, bad); }), Contains("gain must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { init::uniform(w, 0, bad, generator); }), Contains("uniform"));
    CHECK_THAT(refusal<ValueError>([&] { init::normal(w, 0, bad, generator); }), Contains("normal"));
  }
  CHECK_THAT(refusal<ValueError>([&] { init::xavier_normal(w, generator, -1); }),
             Contains("gain must not be negative"));
  CHECK_THAT(refusal<ValueError>([&] { init::uniform(w, 1, 0, generator); }), Contains("uniform"));
  CHECK_THAT(refusal<DTypeError>([&] { init::uniform(whole, 0, 1, generator); }), Contains("i64"));
  CHECK_THAT(refusal<ShapeError>([&] { init::kaiming_uniform(parameter({3}), generator); }), Contains("got [3]"));
  CHECK_THAT(refusal<ShapeError>([&] { init::layer(parameter({3}), {}, generator); }), Contains("got [3]"));
  CHECK_THAT(refusal<ValueError>([&] { init::zeros(Variable()); }), Contains("undefined"));
  CHECK(moments(w.value()).low == 99);
}

}  // namespace divvy::test
