#include "datasets/toy.h"

#include <cmath>
#include <functional>
#include <map>
#include <numbers>

#include "tests/datasets/data_support.h"

namespace divvy::test {

using data::Dataset;

namespace {

struct Point {
  double x, y;
};

Point point(const Tensor& t, int64_t i) {
  return {static_cast<double>(t.data<float>()[2 * i]), static_cast<double>(t.data<float>()[2 * i + 1])};
}

/// Mean and covariance (xx, yy, xy) of the points of a class.
struct Moments {
  Point mean{0, 0};
  double xx = 0, yy = 0, xy = 0;
  int64_t count = 0;
};

Moments moments(const Dataset& d, const std::function<bool(int64_t)>& belongs) {
  Moments m;
  double xx = 0, yy = 0, xy = 0;
  for (int64_t i = 0; i < d.size(); ++i) {
    if (!belongs(i)) continue;
    const auto [x, y] = point(d.x, i);
    ++m.count;
    m.mean.x += x;
    m.mean.y += y;
    xx += x * x;
    yy += y * y;
    xy += x * y;
  }
  const auto n = static_cast<double>(m.count);
  m.mean = {m.mean.x / n, m.mean.y / n};
  m.xx = xx / n - m.mean.x * m.mean.x;
  m.yy = yy / n - m.mean.y * m.mean.y;
  m.xy = xy / n - m.mean.x * m.mean.y;
  return m;
}

Moments class_moments(const Dataset& d, int64_t label) {
  return moments(d, [&](int64_t i) { return d.y.data<int64_t>()[i] == label; });
}

}  // namespace

TEST_CASE("every toy set is whole, repeatable, and another for another seed") {
  const std::vector<std::function<Dataset(Generator&, int64_t)>> makers = {
      [](Generator& g, int64_t n) { return data::multi_class(g, n); },
      [](Generator& g, int64_t n) { return data::checker_board(g, n, 0); },
      [](Generator& g, int64_t n) { return data::checker_board(g, n, 1); },
      [](Generator& g, int64_t n) { return data::checker_board(g, n, 2); },
      [](Generator& g, int64_t n) { return data::checker_board_rotated(g, n); },
      [](Generator& g, int64_t n) { return data::con_circles(g, n); },
      [](Generator& g, int64_t n) { return data::non_linear(g, n); },
      [](Generator& g, int64_t n) { return data::barber_regression(g, {.count = n}); },
      [](Generator& g, int64_t n) { return data::sin_data(g, n); },
  };
  for (size_t m = 0; m < makers.size(); ++m) {
    for (const int64_t count : {6, 7, 100, 1001}) {
      INFO("maker " << m << ", " << count << " points");
      Generator a(3), b(3), c(4);
      const Dataset d = makers[m](a, count), same = makers[m](b, count), other = makers[m](c, count);
      CHECK(d.size() == count);
      CHECK_NOTHROW(data::check(d, "toy"));
      CHECK(same_bits(d.x, same.x));
      CHECK_FALSE(same_bits(d.x, other.x));
      if (d.y.defined()) CHECK(same_bits(d.y, same.y));
      if (d.target.defined()) CHECK(same_bits(d.target, same.target));
    }
    Generator g;
    if (m > 0) CHECK(makers[m](g, 0).size() == 0);
    CHECK_THAT(refusal<ValueError>([&] { makers[m](g, -1); }), ContainsSubstring("points, got -1"));
  }
}

TEST_CASE("multi_class makes round clusters whose width follows from the nearest other center") {
  double apart = 0;
  for (uint64_t seed = 0; seed < 20; ++seed) {
    Generator generator(seed);
    const Dataset d = data::multi_class(generator, 12002, 6);
    CHECK(d.class_counts() == std::vector<int64_t>{2001, 2001, 2000, 2000, 2000, 2000});
    std::vector<Moments> clusters;
    for (int64_t c = 0; c < 6; ++c) clusters.push_back(class_moments(d, c));
    for (size_t c = 0; c < 6; ++c) {
      const auto& m = clusters[c];
      double nearest = 1e9;
      for (size_t o = 0; o < 6; ++o) {
        if (o != c)
          nearest = std::min(nearest,
                             std::pow(m.mean.x - clusters[o].mean.x, 2) + std::pow(m.mean.y - clusters[o].mean.y, 2));
      }
      CHECK(std::hypot(m.mean.x - .5, m.mean.y - .5) < 0.52);  // the disc of radius 1, moved to [0, 1]^2
      apart += nearest / 120;
      CHECK(m.xx == Approx(0.06 * nearest).epsilon(0.15));
      CHECK(m.yy == Approx(0.06 * nearest).epsilon(0.15));
      CHECK(std::abs(m.xy) < 0.1 * m.xx);
    }
  }
  CHECK(apart > 0.09);  // squared; centers drawn evenly would come to about 0.06
  Generator generator;
  CHECK(data::multi_class(generator, 10, 1).classes == 1);
  CHECK(data::multi_class(generator, 1000, 1000).class_counts() == std::vector<int64_t>(1000, 1));
  CHECK_THAT(refusal<ValueError>([&] { data::multi_class(generator, 10, 0); }),
             ContainsSubstring("1 to 1000 classes, got 0"));
  CHECK_THAT(refusal<ValueError>([&] { data::multi_class(generator, 5, 6); }),
             ContainsSubstring("at least 6 points, got 5"));
}

TEST_CASE("checker boards have the documented patterns") {
  Generator generator(5);
  const Dataset disc = data::checker_board(generator, 4000, 0), board = data::checker_board(generator, 4000, 1),
                fine = data::checker_board(generator, 4000, 2);
  CHECK((disc.name == "checker-board-0" && board.name == "checker-board-1" && fine.name == "checker-board-2"));
  // Fields counted from the lower left corner; the corner field of the coarse board has 1 + 1, even, so class 0.
  const auto fields = [](Point p, int columns, int rows) {
    return static_cast<int64_t>((p.x + 1) / 2 * columns) + static_cast<int64_t>((p.y + 1) / 2 * rows);
  };
  for (int64_t i = 0; i < 4000; ++i) {
    const auto p = point(disc.x, i);
    REQUIRE(disc.y.data<int64_t>()[i] == (p.x * p.x + p.y * p.y < 0.66));
    REQUIRE(board.y.data<int64_t>()[i] == fields(point(board.x, i), 3, 2) % 2);
    REQUIRE(fine.y.data<int64_t>()[i] == fields(point(fine.x, i), 4, 4) % 2);
    REQUIRE((std::abs(p.x) <= 1 && std::abs(p.y) <= 1));
  }
  CHECK(std::abs(static_cast<double>(disc.class_counts()[1]) / 4000 - 0.66 * std::numbers::pi / 4) < 0.04);
  CHECK(std::abs(static_cast<double>(fine.class_counts()[1]) / 4000 - 0.5) < 0.04);
  CHECK_THAT(refusal<ValueError>([&] { data::checker_board(generator, 5, 3); }),
             ContainsSubstring("0, 1 and 2, got 3"));
}

TEST_CASE("the rotated board fills each quadrant to its limits with a turned pattern") {
  Generator generator(5);
  const Dataset d = data::checker_board_rotated(generator, 20000);
  const double degrees[] = {30, 45, 60, 120};
  for (int q = 0; q < 4; ++q) {
    const double left = q < 2 ? -1 : 0, bottom = q % 2 == 0 ? -1 : 0;
    const double angle = degrees[q] * std::numbers::pi / 180, c = std::cos(angle), s = std::sin(angle);
    // The turned unit square reaches from low to low + width.
    const double low_x = std::min({0., c, -s, c - s}), width_x = std::max({0., c, -s, c - s}) - low_x;
    const double low_y = std::min({0., s, c, s + c}), width_y = std::max({0., s, c, s + c}) - low_y;
    double least_x = 9, most_x = -9, least_y = 9, most_y = -9;
    int64_t count = 0, wrong = 0;
    for (int64_t i = 0; i < d.size(); ++i) {
      const auto p = point(d.x, i);
      if ((p.x >= 0) != (left == 0) || (p.y >= 0) != (bottom == 0)) continue;
      ++count;
      least_x = std::min(least_x, p.x);
      most_x = std::max(most_x, p.x);
      least_y = std::min(least_y, p.y);
      most_y = std::max(most_y, p.y);
      // Back to the quadrant before it was stretched and turned, and to its four fields.
      const double u = low_x + (p.x - left) * width_x, v = low_y + (p.y - bottom) * width_y;
      const double x = c * u + s * v, y = -s * u + c * v;
      wrong += ((x > 0.5) != (y > 0.5)) != (d.y.data<int64_t>()[i] == 1);
    }
    CHECK(count == Approx(5000).epsilon(0.06));
    // The limits are those of the points drawn, not of the square itself, so fields shift by a trifle.
    CHECK(wrong < count / 50);
    CHECK(std::abs(least_x - left) < 1e-3);
    CHECK(std::abs(most_x - left - 1) < 0.02);
    CHECK(std::abs(least_y - bottom) < 1e-3);
    CHECK(std::abs(most_y - bottom - 1) < 0.02);
  }
}

TEST_CASE("con_circles makes two standardized rings") {
  Generator generator(5);
  const Dataset d = data::con_circles(generator, 3001);
  CHECK(d.class_counts() == std::vector<int64_t>{1500, 1501});
  const auto all = moments(d, [](int64_t) { return true; });
  CHECK(std::abs(all.mean.x) < 1e-5);
  CHECK(std::abs(all.mean.y) < 1e-5);
  CHECK(all.xx == Approx(1).epsilon(1e-5));
  CHECK(all.yy == Approx(1).epsilon(1e-5));
  // Before standardization a coordinate has the variance (1/2 + 1/8) / 2 + 0.11^2.
  const double scale = std::sqrt(0.3125 + 0.0121);
  for (int64_t label : {0, 1}) {
    double radius = 0;
    for (int64_t i = 0; i < d.size(); ++i) {
      if (d.y.data<int64_t>()[i] == label) radius += scale * std::hypot(point(d.x, i).x, point(d.x, i).y);
    }
    CHECK(radius / 1500 == Approx(label == 0 ? 1 : 0.5).epsilon(0.03));
  }
  Generator exact;
  const Dataset clean = data::con_circles(exact, 400, {.factor = 0.25, .noise = 0});
  const double unit = std::hypot(point(clean.x, 0).x, point(clean.x, 0).y);
  for (int64_t i = 0; i < 400; ++i) {
    CHECK(std::hypot(point(clean.x, i).x, point(clean.x, i).y) == Approx(i < 200 ? unit : unit / 4).epsilon(1e-5));
  }
  CHECK_THAT(refusal<ValueError>([&] { data::con_circles(exact, 4, {.factor = 1}); }),
             ContainsSubstring("[0, 1), got 1"));
  CHECK_THAT(refusal<ValueError>([&] { data::con_circles(exact, 4, {.noise = -1}); }),
             ContainsSubstring("not negative, got -1"));
}

TEST_CASE("non_linear shifts both outer thirds, each whole") {
  Generator generator(5);
  const Dataset d = data::non_linear(generator, 9001);
  CHECK(d.class_counts() == std::vector<int64_t>{3001, 6000});
  for (const auto& [from, to, middle] : {std::array{0, 3000, -3}, {3000, 6000, 3}, {6000, 9001, 0}}) {
    const auto m = moments(d, [&](int64_t i) { return i >= from && i < to; });
    CHECK(std::abs(m.mean.x - middle) < 0.1);
    CHECK(std::abs(m.mean.y - middle) < 0.1);
    CHECK(m.xx == Approx(1).epsilon(0.1));
    CHECK(m.yy == Approx(1).epsilon(0.1));
  }
  // The first point of the second third, over many draws, is where its third is.
  double first = 0;
  for (uint64_t seed = 0; seed < 100; ++seed) {
    Generator other(seed);
    first += point(data::non_linear(other, 30).x, 10).x / 100;
  }
  CHECK(std::abs(first - 3) < 0.5);
}

TEST_CASE("the target of Barber's regression is one linear map a class") {
  Generator generator(5);
  const Dataset d = data::barber_regression(generator, {.count = 2001});
  CHECK(d.class_counts() == std::vector<int64_t>{1001, 1000});
  for (int64_t i = 0; i < d.size(); ++i) {
    const auto [x, y] = point(d.x, i);
    const auto [u, v] = point(d.target, i);
    if (d.y.data<int64_t>()[i] == 0) {
      REQUIRE(u == Approx(0.5521 * x - 0.8338 * y).margin(1e-3));
      REQUIRE(v == Approx(0.8338 * x + 0.5521 * y).margin(1e-3));
    } else {
      REQUIRE(u == Approx(0.5538 * x).margin(1e-5));
      REQUIRE(v == Approx(0.0593 * y).margin(1e-5));
    }
  }
  for (int64_t label : {0, 1}) {
    const auto m = class_moments(d, label);
    CHECK(std::abs(std::abs(m.mean.x) - 2.5) < 0.15);
    CHECK(std::abs(std::abs(m.mean.y) - 2.5) < 0.15);
  }
  const auto a = class_moments(d, 0).mean, b = class_moments(d, 1).mean;
  CHECK(std::hypot(a.x - b.x, a.y - b.y) > 4);
  CHECK_THAT(refusal<ValueError>([&] { data::barber_regression(generator, {.rotation = NAN}); }),
             ContainsSubstring("finite"));
}

TEST_CASE("sin_data follows its curve") {
  Generator exact(5), noisy(5);
  const Dataset curve = data::sin_data(exact, 2000, 0), points = data::sin_data(noisy, 2000, 0.05);
  CHECK(curve.x.shape() == Shape{2000, 1});
  CHECK_FALSE(curve.y.defined());
  double square = 0;
  for (int64_t i = 0; i < 2000; ++i) {
    const double x = static_cast<double>(curve.x.data<float>()[i]);
    const double sum = std::sin(3 * x) + std::sin(5 * x) + std::sin(7 * x) + std::sin(13 * x) + std::sin(23 * x);
    REQUIRE(static_cast<double>(curve.target.data<float>()[i]) == Approx(sum / 5).margin(1e-6));
    square += std::pow(static_cast<double>(points.target.data<float>()[i]) - sum / 5, 2);
  }
  CHECK(std::sqrt(square / 2000) == Approx(0.05).epsilon(0.1));
  CHECK_THAT(refusal<ValueError>([&] { data::sin_data(exact, 4, -1); }), ContainsSubstring("not negative, got -1"));
}

}  // namespace divvy::test
