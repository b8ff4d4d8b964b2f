#include "tensor/generator.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <set>

#include "tensor/error.h"
#include "tensor/parallel.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"

namespace divvy::test {

namespace {

using Bits = std::array<uint32_t, 4>;

Bits bits_at(uint64_t seed, uint64_t stream, uint64_t offset) {
  Generator generator(seed, stream);
  generator.set_offset(offset);
  return generator.bits();
}

double mean_of(const std::vector<double>& v) {
  return std::accumulate(v.begin(), v.end(), 0.0) / static_cast<double>(v.size());
}

/// The mean of (v - center)^power.
double moment(std::vector<double> v, double center, int power) {
  for (double& x : v) x = std::pow(x - center, power);
  return mean_of(v);
}

double chi_square(const std::vector<int64_t>& counts, const std::vector<double>& expected) {
  double sum = 0;
  for (size_t i = 0; i < counts.size(); ++i) {
    if (expected[i] > 0) sum += std::pow(static_cast<double>(counts[i]) - expected[i], 2) / expected[i];
  }
  return sum;
}

/// Every way to draw a tensor, for what must hold for all of them.
std::vector<std::function<Tensor(Generator&, int64_t)>> all_draws() {
  return {
      [](Generator& g, int64_t n) { return g.uniform({n}); },
      [](Generator& g, int64_t n) { return g.uniform({n}, -3, 0.7, DType::f64); },
      [](Generator& g, int64_t n) { return g.normal({n}); },
      [](Generator& g, int64_t n) { return g.normal({n}, 1, 2, DType::f64); },
      [](Generator& g, int64_t n) { return g.bernoulli({n}, 0.3); },
      [](Generator& g, int64_t n) { return g.permutation(n); },
      [](Generator& g, int64_t n) {
        return g.categorical(Tensor::full({n, 5}, 0.2));
      },
  };
}

}  // namespace

TEST_CASE("Philox gives the published known answers") {
  CHECK(bits_at(0, 0, 0) == Bits{0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8});
  const uint64_t ones = ~uint64_t{0};
  CHECK(bits_at(ones, ones, ones) == Bits{0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd});
  CHECK(bits_at(0x299f31d0a4093822, 0x0370734413198a2e, 0x85a308d3243f6a88) ==
        Bits{0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1});
}

TEST_CASE("Elements are made from the words of their block as documented") {
  const Bits first = bits_at(42, 0, 0), second = bits_at(42, 0, 1);
  const Tensor single = Generator(42).uniform({6});
  for (size_t i = 0; i < 6; ++i) {
    CHECK(single.to_doubles()[i] == static_cast<double>((i < 4 ? first[i] : second[i - 4]) >> 8) / (1 << 24));
  }
  const auto unit = [](uint32_t low, uint32_t high) {
    return static_cast<double>((static_cast<uint64_t>(high) << 32 | low) >> 11) / 9007199254740992.0;
  };
  const Tensor twice = Generator(42).uniform({3}, 0, 1, DType::f64);
  CHECK(twice.to_doubles() ==
        std::vector<double>{unit(first[0], first[1]), unit(first[2], first[3]), unit(second[0], second[1])});
  CHECK(Generator(42).uniform() == twice.to_doubles()[0]);
  const auto z = Generator(42).normal({3}).to_doubles();
  const double radius = std::sqrt(-2 * std::log((first[0] + 1.0) / 4294967296.0));
  const double angle = 2 * std::acos(-1.0) * first[1] / 4294967296.0;
  CHECK(z[0] == Approx(radius * std::cos(angle)).epsilon(1e-6));
  CHECK(z[1] == Approx(radius * std::sin(angle)).epsilon(1e-6));
  const auto coin = Generator(42).bernoulli({4}, 0.5).to_doubles();
  for (size_t i = 0; i < 4; ++i) CHECK(coin[i] == (first[i] < 0x80000000u ? 1 : 0));
}

TEST_CASE("A generator's numbers do not depend on the number of threads") {
  const int before = num_threads();
  for (const auto& draw : all_draws()) {
    set_num_threads(1);
    Generator one(7, 3);
    const Tensor expected = draw(one, 100'003);
    for (int threads : {2, 3, 8}) {
      set_num_threads(threads);
      Generator many(7, 3);
      CHECK(same_bits(draw(many, 100'003), expected));
      CHECK(many.offset() == one.offset());
    }
  }
  set_num_threads(before);
}

TEST_CASE("A GPU draws the numbers of the CPU", "[device]") {
  for (const Device device : available_devices()) {
    for (const int64_t n : {0, 1, 2, 3, 4, 5, 7, 8, 1001}) {
      INFO(n << " on " << device.to_string());
      // From the middle of a stream whose counter carries into its upper half.
      Generator here(7, uint64_t{3} << 40), there(7, uint64_t{3} << 40);
      here.set_offset(0xfffffffe), there.set_offset(0xfffffffe);
      const auto same = [&](const Tensor& drawn, const Tensor& expected) {
        CHECK(drawn.device() == device);
        CHECK(same_bits(drawn.to(Device::cpu()), expected));
        CHECK(there.offset() == here.offset());
      };
      same(there.uniform({n}, -3, 0.7, DType::f32, device), here.uniform({n}, -3, 0.7));
      same(there.uniform({n}, -3, 0.7, DType::f64, device), here.uniform({n}, -3, 0.7, DType::f64));
      same(there.uniform({n}, 0.25, 0.25, DType::f32, device), here.uniform({n}, 0.25, 0.25));
      for (const double p : {0.0, 0.3, 1.0}) same(there.bernoulli({n}, p, device), here.bernoulli({n}, p));
      for (const DType dtype : {DType::f32, DType::f64}) {
        const Tensor z = there.normal({n}, 1, 2, dtype, device), expected = here.normal({n}, 1, 2, dtype);
        CHECK(difference(z.to(Device::cpu()), expected, dtype == DType::f32 ? 1e-6 : 1e-14,
                         dtype == DType::f32 ? 1e-6 : 1e-14) == "");
        CHECK(there.offset() == here.offset());
        const Tensor p = random_tensor({n, 5}, 3, 0, 1, dtype);
        same(there.categorical(p.to(device)), here.categorical(p));
      }
    }
  }
}

TEST_CASE("Categorical on a GPU reports a row that is no distribution", "[device]") {
  for (const Device device : available_devices()) {
    if (device.is_cpu()) continue;
    const Tensor p = Tensor::from({1.f, 1.f, 1.f, -1.f}, {2, 2});
    CHECK_THROWS_AS(Generator().categorical(p.to(device)).to_doubles(), ValueError);
    CHECK_THROWS_AS(Generator().categorical(Tensor::zeros({2, 0}, DType::f32, device)), ValueError);
  }
}

TEST_CASE("A generator resumes from seed, stream and offset") {
  for (const auto& draw : all_draws()) {
    Generator original(11, 5);
    draw(original, 1001);
    Generator resumed(original.seed(), original.stream());
    resumed.set_offset(original.offset());
    const Tensor next = draw(original, 77);
    CHECK(same_bits(draw(resumed, 77), next));
    CHECK(!same_bits(draw(resumed, 77), next));
  }
}

TEST_CASE("Calls take the documented number of blocks") {
  const auto taken = [](const std::function<void(Generator&)>& call) {
    Generator generator;
    generator.set_offset(10);
    call(generator);
    return generator.offset() - 10;
  };
  CHECK(taken([](Generator& g) { g.bits(); }) == 1);
  CHECK(taken([](Generator& g) { g.uniform(); }) == 1);
  CHECK(taken([](Generator& g) { g.integer(6); }) == 1);
  CHECK(taken([](Generator& g) { g.uniform({0}); }) == 0);
  CHECK(taken([](Generator& g) { g.uniform({3, 3}); }) == 3);
  CHECK(taken([](Generator& g) { g.uniform({9}, 0, 1, DType::f64); }) == 5);
  CHECK(taken([](Generator& g) { g.normal({8}); }) == 2);
  CHECK(taken([](Generator& g) { g.normal({9}, 0, 1, DType::f64); }) == 5);
  CHECK(taken([](Generator& g) { g.bernoulli({5}, 0.5); }) == 2);
  CHECK(taken([](Generator& g) { g.permutation(9); }) == 8);
  CHECK(taken([](Generator& g) { g.permutation(0); }) == 0);
  CHECK(taken([](Generator& g) { g.categorical(Tensor::full({3, 2}, 1)); }) == 2);
  CHECK(taken([](Generator& g) { g.split(1); }) == 0);
}

TEST_CASE("A longer draw begins with a shorter one") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const Tensor many = Generator(1).normal({100}, 0, 1, dtype);
    for (int64_t n : {1, 2, 3, 4, 5, 31, 99}) CHECK(same_bits(Generator(1).normal({n}, 0, 1, dtype), many.slice(0, n)));
  }
}

TEST_CASE("Split streams differ from each other and from their parent") {
  std::vector<Generator> generators{Generator(1), Generator(2), Generator(1, 1)};
  for (uint64_t i = 0; i < 4; ++i) {
    const Generator child = Generator(1).split(i);
    CHECK(child.seed() == 1);
    CHECK(child.offset() == 0);
    generators.push_back(child);
    for (uint64_t j = 0; j < 4; ++j) generators.push_back(child.split(j));
  }
  std::set<Bits> seen;
  for (Generator& generator : generators) seen.insert(generator.bits());
  CHECK(seen.size() == generators.size());
  Generator used(1);
  used.uniform({100});
  CHECK(used.split(3).bits() == Generator(1).split(3).bits());
}

TEST_CASE("Uniform numbers have the moments of the distribution and stay in their range") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto u = Generator(3).uniform({1'000'000}, -2, 4, dtype).to_doubles();
    CHECK(mean_of(u) == Approx(1).margin(0.01));
    CHECK(moment(u, 1, 2) == Approx(3).margin(0.02));
    CHECK(*std::ranges::min_element(u) >= -2);
    CHECK(*std::ranges::max_element(u) < 4);
    CHECK(*std::ranges::max_element(u) > 3.9999);
    std::vector<int64_t> counts(64);
    for (double x : u) ++counts[static_cast<size_t>((x + 2) / 6 * 64)];
    // 63 degrees of freedom: 120 is exceeded with a chance of 2e-5.
    CHECK(chi_square(counts, std::vector<double>(64, 1e6 / 64)) < 120);
  }
}

TEST_CASE("Uniform numbers never round up to the upper end") {
  // One step of f32 at 2^24 is 2: half of all draws would round to `high`.
  const auto wide = Generator(5).uniform({1000}, 16777216, 16777218).to_doubles();
  CHECK(std::ranges::all_of(wide, [](double x) { return x == 16777216; }));
  const auto narrow = Generator(5).uniform({1000}, 1, std::nextafter(1.0, 2), DType::f64).to_doubles();
  CHECK(std::ranges::all_of(narrow, [](double x) { return x == 1; }));
  const auto point = Generator(5).uniform({5}, 0.25, 0.25).to_doubles();
  CHECK(point == std::vector<double>(5, 0.25));
}

TEST_CASE("Normal numbers have the moments and the tails of the distribution") {
  for (const DType dtype : {DType::f32, DType::f64}) {
    const auto z = Generator(4).normal({1'000'000}, 0, 1, dtype).to_doubles();
    CHECK(mean_of(z) == Approx(0).margin(0.004));
    CHECK(moment(z, 0, 2) == Approx(1).margin(0.006));
    CHECK(moment(z, 0, 3) == Approx(0).margin(0.02));
    CHECK(moment(z, 0, 4) == Approx(3).margin(0.05));
    const auto beyond = [&](double limit) {
      return static_cast<double>(std::ranges::count_if(z, [=](double x) { return std::abs(x) > limit; })) / 1e6;
    };
    CHECK(beyond(1) == Approx(0.317311).margin(0.002));
    CHECK(beyond(2) == Approx(0.045500).margin(0.001));
    CHECK(beyond(4) == Approx(6.3e-5).margin(4e-5));
    double neighbors = 0;
    for (size_t i = 0; i + 1 < z.size(); ++i) neighbors += z[i] * z[i + 1];
    CHECK(neighbors / 1e6 == Approx(0).margin(0.004));
  }
  const auto scaled = Generator(4).normal({4}, 10, 0.5, DType::f64).to_doubles();
  const auto plain = Generator(4).normal({4}, 0, 1, DType::f64).to_doubles();
  for (size_t i = 0; i < 4; ++i) CHECK(scaled[i] == Approx(10 + 0.5 * plain[i]));
  CHECK(Generator(4).normal({3}, 2, 0).to_doubles() == std::vector<double>(3, 2));
}

TEST_CASE("Bernoulli draws ones with their probability") {
  for (double p : {0.0, 1e-3, 0.3, 0.5, 1.0}) {
    const Tensor draws = Generator(6).bernoulli({1000, 1000}, p);
    CHECK(draws.dtype() == DType::u8);
    const auto values = draws.to_doubles();
    CHECK(mean_of(values) == Approx(p).margin(5 * std::sqrt(p * (1 - p) / 1e6)));
    CHECK(*std::ranges::max_element(values) <= 1);
  }
}

TEST_CASE("Bounded integers are equally likely") {
  Generator generator(8);
  for (int64_t limit : {1, 2, 6, 10, 100}) {
    std::vector<int64_t> counts(static_cast<size_t>(limit));
    for (int i = 0; i < 100'000; ++i) ++counts.at(static_cast<size_t>(generator.integer(limit)));
    const double freedom = static_cast<double>(limit - 1);
    CHECK(chi_square(counts, std::vector<double>(counts.size(), 1e5 / static_cast<double>(limit))) <=
          freedom + 5 * std::sqrt(2 * freedom));
  }
  // At 3 * 2^61 two in eight words have to be drawn again; without that, every third result were twice as likely.
  const int64_t large = int64_t{3} << 61;
  std::vector<int64_t> thirds(3);
  const uint64_t before = generator.offset();
  for (int i = 0; i < 60'000; ++i) ++thirds.at(static_cast<size_t>(generator.integer(large) % 3));
  CHECK(chi_square(thirds, {2e4, 2e4, 2e4}) < 25);
  CHECK(static_cast<double>(generator.offset() - before) / 60'000 == Approx(8 / 6.0).margin(0.02));
  const int64_t top = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < 100; ++i) CHECK(generator.integer(top) >= 0);
}

TEST_CASE("A permutation has every number once, in every order alike") {
  for (int64_t n : {0, 1, 2, 3, 1000, 60'000}) {
    const Tensor permutation = Generator(9).permutation(n);
    CHECK(permutation.dtype() == DType::i64);
    CHECK(permutation.shape() == Shape{n});
    std::vector<int64_t> values(permutation.values<int64_t>().begin(), permutation.values<int64_t>().end());
    std::ranges::sort(values);
    for (int64_t i = 0; i < n; ++i) REQUIRE(values[static_cast<size_t>(i)] == i);
  }
  Generator generator(10);
  std::vector<int64_t> counts(64);
  for (int i = 0; i < 24'000; ++i) {
    const auto order = generator.permutation(4).to_doubles();
    ++counts[static_cast<size_t>(order[0] * 16 + order[1] * 4 + order[2])];
  }
  std::vector<double> expected(64, 0);
  for (size_t i = 0; i < 64; ++i) {
    const size_t a = i / 16, b = i / 4 % 4, c = i % 4;
    if (a != b && b != c && a != c)
      expected[i] = 1000;
    else
      CHECK(counts[i] == 0);
  }
  CHECK(chi_square(counts, expected) < 60);  // 23 degrees of freedom: a chance of 4e-5
}

TEST_CASE("Categorical draws classes in proportion to their weights") {
  const std::vector<double> weights{0.1, 0, 2, 0.5, 0, 1.4, 0};
  for (const DType dtype : {DType::f32, DType::f64}) {
    const int64_t rows = 100'000, classes = 7;
    Tensor p = Tensor::empty({rows, classes}, DType::f64);
    for (int64_t i = 0; i < p.numel(); ++i)
      p.mutable_values<double>()[static_cast<size_t>(i)] = weights[static_cast<size_t>(i % 7)];
    const Tensor drawn = Generator(12).categorical(converted(p, dtype));
    CHECK(drawn.dtype() == DType::i64);
    CHECK(drawn.shape() == Shape{rows});
    std::vector<int64_t> counts(7);
    for (int64_t c : drawn.values<int64_t>()) ++counts.at(static_cast<size_t>(c));
    std::vector<double> expected;
    for (double w : weights) expected.push_back(w / 4 * static_cast<double>(rows));
    CHECK(chi_square(counts, expected) < 25);  // 3 degrees of freedom: a chance of 2e-5
    for (const size_t c : {size_t{1}, size_t{4}, size_t{6}}) CHECK(counts[c] == 0);
  }
}

TEST_CASE("Categorical at its edges") {
  CHECK(Generator().categorical(Tensor::zeros({0, 3})).shape() == Shape{0});
  CHECK(Generator().categorical(Tensor::zeros({0, 0})).shape() == Shape{0});
  CHECK(Generator().categorical(Tensor::full({3, 1}, 1e-30)).to_doubles() == std::vector<double>(3, 0));
  // The smallest and the largest weights: nothing overflows, and only the last class can be drawn.
  const double tiny = std::numeric_limits<double>::denorm_min(), huge = 1e308;
  for (double weight : {tiny, huge}) {
    const Tensor p = Tensor::from({0.0, 0.0, weight}, {1, 3});
    Generator generator;
    for (int i = 0; i < 100; ++i) REQUIRE(generator.categorical(p).item() == 2);
  }
  const Tensor after = Tensor::from({0.0, tiny, 0.0}, {1, 3});
  Generator generator;
  for (int i = 0; i < 100; ++i) REQUIRE(generator.categorical(after).item() == 1);
}

TEST_CASE("A generator refuses arguments out of range and takes no block") {
  Generator g;
  const double nan = std::nan(""), inf = std::numeric_limits<double>::infinity();
  const auto row = [](std::vector<double> values) {
    return Tensor::from(values, {1, static_cast<int64_t>(values.size())});
  };
  CHECK_THROWS_AS(g.integer(0), ValueError);
  CHECK_THROWS_WITH(g.integer(-3), "integer: limit must be at least 1, got -3");
  CHECK_THROWS_WITH(g.uniform({2}, 1, 0), "uniform: expects finite low <= high, got 1 and 0 for f32");
  CHECK_THROWS_AS(g.uniform({2}, nan, 0), ValueError);
  CHECK_THROWS_AS(g.uniform({2}, 0, inf), ValueError);
  CHECK_THROWS_AS(g.uniform({2}, -3e38, 3e38), ValueError);
  CHECK_THROWS_AS(g.uniform({2}, 1e39, 1e39), ValueError);
  CHECK_THROWS_WITH(g.uniform({2}, 0, 1, DType::i64), "uniform: expects f32 or f64, got i64");
  CHECK_THROWS_AS(g.normal({2}, nan, 1), ValueError);
  CHECK_THROWS_AS(g.normal({2}, 0, inf), ValueError);
  CHECK_THROWS_WITH(g.normal({2}, 0, -1), Catch::Contains("stddev >= 0, got 0 and -1"));
  CHECK_THROWS_AS(g.normal({2}, 0, 1, DType::bf16), DTypeError);
  CHECK_THROWS_WITH(g.bernoulli({2}, 1.5), "bernoulli: p must lie in [0, 1], got 1.5");
  CHECK_THROWS_AS(g.bernoulli({2}, -0.1), ValueError);
  CHECK_THROWS_AS(g.bernoulli({2}, nan), ValueError);
  CHECK_THROWS_WITH(g.permutation(-1), "permutation: n must not be negative, got -1");
  CHECK_THROWS_WITH(g.categorical(Tensor()), "categorical: probabilities are undefined");
  CHECK_THROWS_AS(g.categorical(Tensor::zeros({3})), ShapeError);
  CHECK_THROWS_AS(g.categorical(Tensor::zeros({1, 3}, DType::i64)), DTypeError);
  CHECK_THROWS_WITH(g.categorical(row({0, 0})), Catch::Contains("row 0 is no distribution: [0, 0]"));
  CHECK_THROWS_AS(g.categorical(row({0.5, -0.1})), ValueError);
  CHECK_THROWS_AS(g.categorical(row({0.5, nan})), ValueError);
  CHECK_THROWS_AS(g.categorical(row({nan, 0.5})), ValueError);
  CHECK_THROWS_AS(g.categorical(row({0.5, inf})), ValueError);
  CHECK_THROWS_AS(g.categorical(row({1e308, 1e308})), ValueError);
  CHECK_THROWS_AS(g.categorical(Tensor::zeros({2, 0})), ValueError);
  CHECK_THROWS_WITH(g.categorical(Tensor::from({1.f, 1.f, 1.f, -1.f}, {2, 2})), Catch::Contains("row 1"));
  CHECK(g.offset() == 0);
}

}  // namespace divvy::test
