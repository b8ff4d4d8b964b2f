#include "apps/report/picture.h"

#include <cmath>
#include <functional>
#include <limits>

#include "apps/report/region_picture.h"
#include "apps/report/regression_picture.h"
#include "apps/report/svg.h"
#include "apps/report/usage_picture.h"
#include "tensor/error.h"
#include "tests/apps/svg_support.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace app;

TEST_CASE("the check of pictures finds faults") {
  CHECK(svg_fault("<svg a=\"1\"><g>x &lt; y</g><b/></svg>\n").empty());
  CHECK(!svg_fault("<svg a=\"1\"><g></svg>\n").empty());
  CHECK(!svg_fault("<svg a=\"1\">1 < 2</svg>\n").empty());
  CHECK(!svg_fault("<svg a=\"1\">a & b</svg>\n").empty());
  CHECK(!svg_fault("<svg a=\"1\" a=\"2\"></svg>\n").empty());
  CHECK(!svg_fault("<svg a=\"nan\"></svg>\n").empty());
  CHECK(!svg_fault("<svg a=1></svg>\n").empty());
  CHECK(!svg_fault("<svg a=\"1\"></svg>\nmore").empty());
}

TEST_CASE("the division picture shows each class, each expert and escapes names") {
  data::Dataset set;
  set.name = "two";
  set.x = Tensor::full({4, 1, 28, 28}, 100, DType::u8);
  set.y = Tensor::from<int64_t>({0, 0, 1, 1});
  set.classes = 2;
  set.class_names = {"a<b", "c"};
  moe::Record record = random_record(4, 3, 2, 1);
  record.label = {0, 0, 1, 1};
  record.expert = {0, 0, 2, -1};
  const std::string svg = division_svg({"3 experts & 2 classes", "sub"}, record, set);
  CHECK(svg_fault(svg) == "");
  CHECK(svg.find("a&lt;b") != std::string::npos);
  CHECK(svg.find("3 experts &amp; 2 classes") != std::string::npos);
  CHECK(svg.find("expert 2") != std::string::npos);
  CHECK(count_of(svg, "<image") == 2);  // expert 1 got no sample
  set.x = Tensor::zeros({4, 2});
  const std::string plane = division_svg({"a plane", ""}, record, set);
  CHECK(svg_fault(plane) == "");
  CHECK(count_of(plane, "<circle") == 4);
  CHECK(plane.find(svg::expert_color(2).hex()) != std::string::npos);
}

TEST_CASE("colors of classes and experts differ, also beyond the sets") {
  for (const auto& color_of : {svg::class_color, svg::expert_color}) {
    for (int64_t a = 0; a < 30; ++a) {
      for (int64_t b = 0; b < a; ++b) CHECK(!(color_of(a) == color_of(b)));
    }
  }
  CHECK(svg::Color{255, 0, 16}.hex() == "#ff0010");
  CHECK(svg::Color{0, 0, 0}.mixed(svg::kWhite, 0.2).hex() == "#333333");
  CHECK(svg::diverging(0) == svg::kWhite);
  CHECK(svg::diverging(1).red > svg::diverging(1).blue);
  CHECK(svg::diverging(-1).blue > svg::diverging(-1).red);
  CHECK(svg::text_on(svg::sequential(1)) == svg::kWhite);
  CHECK(!(svg::text_on(svg::sequential(0)) == svg::kWhite));
}

TEST_CASE("ticks are round and numbers are short") {
  CHECK(svg::ticks(0, 1, 4) == std::vector<double>{0, 0.5, 1});
  CHECK(svg::ticks(-1.1, 1.1, 4) == std::vector<double>{-1, 0, 1});
  CHECK(svg::ticks(1, 2, 2, 1) == std::vector<double>{1, 2});
  CHECK(svg::ticks(0, 100, 5) == std::vector<double>{0, 20, 40, 60, 80, 100});
  CHECK(svg::tick_text(0.30000000000000004) == "0.3");
  CHECK(svg::tick_text(-1e-17) == "0");
  CHECK(svg::number(2) == "2");
  CHECK(svg::number(-0.001) == "0");
  CHECK(svg::number(1.256) == "1.26");
  const svg::Span span = svg::span_of({3, 3});
  CHECK(span.low < 3);
  CHECK(span.high > 3);
  CHECK(svg::span_of({0, 10}, 0.1).high == Approx(11));
}

namespace {

/// Two experts, left and right; class 1 above the middle. Expert 0 knows it, expert 1 says 1 everywhere.
RegionPicture small_regions() {
  RegionPicture p;
  p.title = "title <&>";
  p.subtitle = "subtitle";
  p.classes = p.experts = 2;
  p.grid = {0, 1, 0, 1, 8, 6};
  for (int64_t e = 0; e < 2; ++e) {
    for (int64_t i = 0; i < 48; ++i) p.expert_prediction.push_back(e == 1 || i / 8 >= 3);
  }
  for (int64_t i = 0; i < 48; ++i) {
    p.expert.push_back(i % 8 >= 4);
    p.prediction.push_back(p.expert_prediction[static_cast<size_t>(i % 8 >= 4 ? 48 + i : i)]);
  }
  p.points = {{0.1, 0.2, 0, 0, 0}, {0.8, 0.2, 0, 1, 1}, {0.9, 0.9, 1, 1, 1}, {5, 5, 0, 0, 0}};
  return p;
}

}  // namespace

TEST_CASE("the picture of regions has a panel for the mixture, the gate and each expert") {
  RegionPicture p = small_regions();
  const std::string svg = region_svg(p);
  CHECK(svg_fault(svg) == "");
  CHECK(count_of(svg, "<image") == 4);
  CHECK(svg.find("title &lt;&amp;&gt;") != std::string::npos);
  CHECK(svg.find("75.0 % right") != std::string::npos);
  CHECK(svg.find("50.0 % of points, 50.0 % right") != std::string::npos);  // expert 1
  // Three points lie on the grid, once in the mixture's panel and once in their expert's; two circles in the legend.
  CHECK(count_of(svg, "<circle") == 3 + 3 + 2);
  CHECK(count_of(svg, svg::kError.hex()) == 3);  // crosses of the mixture, of expert 1, of the legend
  CHECK(count_of(svg, "paint-order") == 2);      // the numbers of the two regions of the gate
  // The border between the experts runs through the middle of the plane, with a number on either side.
  CHECK(svg.find("M188 ") != std::string::npos);
  p.class_names = {"below", "above"};
  p.points.clear();
  p.expert.assign(48, -1);
  const std::string empty = region_svg(p);
  CHECK(svg_fault(empty) == "");
  CHECK(empty.find("above") != std::string::npos);
  // Nothing is divided: all together, and each alone; no gate.
  CHECK(count_of(empty, "<image") == 3);
  CHECK(empty.find("all together") != std::string::npos);
  CHECK(empty.find("alone") != std::string::npos);
  CHECK(empty.find("the gate") == std::string::npos);
  CHECK(count_of(empty, "paint-order") == 0);
  p.expert.assign(48, 0);
  CHECK(region_svg(p).find("no points") != std::string::npos);  // expert 1
}

TEST_CASE("a single model has one panel") {
  RegionPicture p = small_regions();
  p.experts = 1;
  p.expert.assign(48, 0);
  p.expert_prediction.resize(48);
  for (auto& point : p.points) point.expert = 0;
  const std::string svg = region_svg(p);
  CHECK(svg_fault(svg) == "");
  CHECK(count_of(svg, "<image") == 1);
  CHECK(svg.find("the model") != std::string::npos);
  CHECK(svg.find("the gate") == std::string::npos);
}

TEST_CASE("regions that do not fit are refused") {
  const auto refused = [](const std::function<void(RegionPicture&)>& damage) {
    RegionPicture p = small_regions();
    damage(p);
    return refusal<ValueError>([&] { region_svg(p); });
  };
  CHECK(refused([](auto& p) { p.prediction.pop_back(); }) == "regions: 47 entries of 'prediction', expected 48");
  CHECK(refused([](auto& p) { p.expert[0] = 2; }) == "regions: expert 2 is outside [-1, 2)");
  CHECK(refused([](auto& p) { p.expert_prediction[0] = -1; }).find("outside [0, 2)") != std::string::npos);
  CHECK(refused([](auto& p) { p.points[0].label = 2; }).find("class of a point 2") != std::string::npos);
  CHECK(refused([](auto& p) { p.grid.x_high = 0; }).find("over [0, 0]") != std::string::npos);
  CHECK(refused([](auto& p) { p.class_names = {"one"}; }).find("1 names for 2 classes") != std::string::npos);
  CHECK_THROWS_AS(region_svg({}), ValueError);
}

TEST_CASE("the picture of regions is made of records of the grid and of the test part") {
  data::Dataset test;
  test.x = Tensor::from<float>({-1, 0, 1, 4, 0, 2}, {3, 2});
  test.y = Tensor::from<int64_t>({0, 1, 0});
  test.classes = 3;
  const PlaneGrid grid = PlaneGrid::around(test, 5);
  CHECK(grid.x_low == Approx(-1.1));
  CHECK(grid.y_high == Approx(4.2));
  CHECK(grid.cells() == 25);
  const Tensor centers = grid.centers();
  REQUIRE(centers.shape() == Shape{25, 2});
  const auto at = centers.values<float>();
  CHECK(at[0] == Approx(-1.1 + 0.22));
  CHECK(at[1] == Approx(-0.2 + 0.44));
  CHECK(at[2] == Approx(at[0] + 0.44));  // columns first
  CHECK(at[3] == at[1]);
  CHECK(at[48] == Approx(1.1 - 0.22));
  CHECK(at[49] == Approx(4.2 - 0.44));
  const moe::Record cells = random_record(25, 4, 3, 8), record = random_record(3, 4, 3, 9);
  const RegionPicture p = region_picture(grid, cells, test, record);
  CHECK(p.prediction == cells.prediction);
  CHECK(p.expert == cells.expert);
  CHECK(p.expert_prediction[2 * 25 + 7] == cells.expert_predictions[7 * 4 + 2]);
  CHECK(p.points[1].y == 4);
  CHECK(p.points[2].expert == record.expert[2]);
  CHECK(svg_fault(region_svg(p)) == "");
  CHECK_THROWS_AS(region_picture(grid, random_record(25, 4, 3, 8, true), test, record), ValueError);
  CHECK_THROWS_AS(region_picture(grid, random_record(24, 4, 3, 8), test, record), ValueError);
  CHECK_THROWS_AS(region_picture(grid, cells, test, random_record(4, 4, 3, 9)), ValueError);
  test.x = Tensor::zeros({3, 4});
  CHECK_THROWS_AS(PlaneGrid::around(test), ValueError);
  CHECK_THROWS_AS((PlaneGrid{0, 1, 0, 1, 0, 3}.centers()), ValueError);
}

TEST_CASE("the picture of a regression shows samples and lays matrices beside their regimes") {
  RegressionPicture p;
  p.title = "Barber";
  p.regimes = {{"R", {0, -1, 1, 0}}, {"S", {1, 0, 0, 0.5}}};
  p.experts = {{"expert 0", {1, 0, 0, 0.75}}, {"expert 1", {0.9, 0, 0, 0.5}}};
  p.samples = {{{1, 2}, {-2, 1}, {1, 1.5}, 0, 0}, {{3, 4}, {3, 2}, {2.7, 2}, 1, 1}, {{0, 1}, {0, 0.5}, {0, 0}, 1, -1}};
  const std::string svg = regression_svg(p);
  CHECK(svg_fault(svg) == "");
  CHECK(svg.find("no expert came nearest to it") != std::string::npos);  // both are nearer to S
  CHECK(svg.find("0.25 away") != std::string::npos);
  CHECK(svg.find("0.1 away") != std::string::npos);
  // ((3^2 + .5^2) + (.3^2 + 0) + (0 + .5^2)) / 6
  CHECK(svg.find("mean squared error 1.6") != std::string::npos);
  // Three clouds, two coordinates against the target, four names in the legend, four matrices.
  CHECK(count_of(svg, "<circle") == 3 * 3 + 6 + 4 + 4);
  CHECK(count_of(svg, "33 % of samples") == 2);
  p.samples.resize(1);
  CHECK(svg_fault(regression_svg(p)) == "");  // spans of a single point
  p.samples[0].regime = 2;
  CHECK(refusal<ValueError>([&] { regression_svg(p); }) == "picture of a regression: regime 2 is outside [0, 2)");
  p.samples[0] = {{0, 0}, {0, 0}, {0, 0}, 0, 2};
  CHECK_THROWS_AS(regression_svg(p), ValueError);
  p.samples[0] = {{0, std::numeric_limits<double>::quiet_NaN()}, {0, 0}, {0, 0}, 0, 0};
  CHECK_THROWS_AS(regression_svg(p), ValueError);
  CHECK_THROWS_AS(regression_svg({}), ValueError);
}

TEST_CASE("the picture of usage stacks the experts of each epoch") {
  UsagePicture p;
  p.title = "usage";
  p.selected = {{50, 50, 0}, {75, 24, 1}, {199, 0, 1}};
  p.stages = {{3, "gate & experts"}, {9, "beyond"}};
  const std::string svg = usage_svg(p);
  CHECK(svg_fault(svg) == "");
  CHECK(count_of(svg, "Z\" fill=") == 3);
  // Expert 0 has 50, 75 and 99.5 % of a plot from y = 98 to 428 and x = 62 to 682.
  CHECK(svg.find("<path d=\"M62 263L372 180.5L682 99.65L682 428L372 428L62 428Z\"") != std::string::npos);
  CHECK(svg.find("unused") != std::string::npos);
  CHECK(svg.find("&lt;1 %") != std::string::npos);
  CHECK(svg.find("gate &amp; experts") != std::string::npos);
  CHECK(svg.find("beyond") == std::string::npos);
  p.selected = {{3, 1}};
  CHECK(svg_fault(usage_svg(p)) == "");  // one epoch is a bar
  p.selected = {{0, 0}, {0, 0}};
  CHECK(svg_fault(usage_svg(p)) == "");  // no samples
  p.selected = {{1, 2}, {3}};
  CHECK(refusal<ValueError>([&] { usage_svg(p); }) == "picture of usage: epochs of 2 and 1 experts");
  p.selected = {{1, -2}};
  CHECK_THROWS_AS(usage_svg(p), ValueError);
  CHECK_THROWS_AS(usage_svg({}), ValueError);
}

}  // namespace divvy::test
