#include "apps/report/chart.h"

#include <cmath>
#include <limits>

#include "apps/report/confusion_picture.h"
#include "apps/report/svg.h"
#include "tensor/error.h"
#include "tests/apps/svg_support.h"
#include "tests/moe/record_support.h"
#include "tests/support/catch.h"
#include "tests/support/refusal.h"

namespace divvy::test {

using namespace app;

namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

}  // namespace

TEST_CASE("curves show the mean over runs and a band where there are several") {
  const std::string svg =
      curves_svg({"a < b", "sub"}, {{"loss, nats", {{"one", {{1, 2, 3}}}, {"two", {{2, 4}, {4, 6}}}}}});
  CHECK(svg_fault(svg) == "");
  CHECK(count_of(svg, "fill-opacity=\".16\"") == 1);
  CHECK(count_of(svg, "stroke-linejoin") == 2);
  CHECK(svg.find("a &lt; b") != std::string::npos);
  CHECK(svg.find(">3</tspan>") != std::string::npos);  // the last mean of the first
  CHECK(svg.find(">5</tspan>") != std::string::npos);  // and of the second
  // Three epochs over 400 units from x = 62; values from 1 to 5 + sqrt(2), with 5 % of room, over 260 from y = 366.
  const double low = 1 - 0.05 * (4 + std::sqrt(2)), wide = 1.1 * (4 + std::sqrt(2));
  const auto y = [&](double value) { return svg::number(366 - (value - low) / wide * 260); };
  CHECK(svg.find("<path d=\"M62 " + y(1) + "L262 " + y(2) + "L462 " + y(3) + "\"") != std::string::npos);
  CHECK(svg.find("<path d=\"M62 " + y(3) + "L262 " + y(5) + "\"") != std::string::npos);
  CHECK(svg_fault(curves_svg({}, {{"p", {{"dot", {{1}}}}}, {"q", {{"flat", {{2, 2}}}}}})) == "");
  CHECK_THROWS_AS(curves_svg({}, {}), ValueError);
  CHECK_THROWS_AS(curves_svg({}, {{"p", {}}}), ValueError);
  CHECK(refusal<ValueError>([] {
          curves_svg({}, {{"p", {{"empty", {{}}}}}});
        }) == "chart: the curve 'empty' has no epochs");
  CHECK_THROWS_AS(curves_svg({}, {{"p", {{"n", {{1, kNaN}}}}}}), ValueError);
}

TEST_CASE("boxes show every run, quartiles of four and the mean") {
  const std::string svg =
      boxes_svg({"t", "s"}, {"a & b", "few", "none"}, {{"error, %", {{0, 1, 2, 3, 4}, {1, 2}, {}}}});
  CHECK(svg_fault(svg) == "");
  CHECK(count_of(svg, "<circle") == 7);
  CHECK(count_of(svg, "l5.5 5.5") == 2);  // two means
  CHECK(svg.find(">-</text>") != std::string::npos);
  // From 0 to 4 with 8 % of room over 200 units: the box from 1 to 3 is 2 / 4.64 of that wide.
  CHECK(svg.find("width=\"" + svg::number(2 / 4.64 * 200) + "\"") != std::string::npos);
  CHECK(count_of(svg, "height=\"16\"") == 1);
  CHECK_THROWS_AS(boxes_svg({}, {}, {}), ValueError);
  CHECK(refusal<ValueError>([] {
          boxes_svg({}, {"a"}, {{"p", {{1}, {2}}}});
        }) == "chart: 'p' has 2 methods, expected 1");
  CHECK_THROWS_AS(boxes_svg({}, {"a"}, {{"p", {{kNaN}}}}), ValueError);
  CHECK(svg_fault(boxes_svg({}, {"a"}, {{"p", {{}}}})) == "");
}

TEST_CASE("a scatter has a dot for each run and one in the legend for each method") {
  const std::string svg = scatter_svg({"t", "s"}, "H_s, bits", "error, %", {{"a", {1, 2}, {3, 4}}, {"b", {1.5}, {3}}});
  CHECK(svg_fault(svg) == "");
  CHECK(count_of(svg, "<circle") == 5);
  CHECK(svg.find("H_s, bits") != std::string::npos);
  CHECK_THROWS_AS(scatter_svg({}, "", "", {}), ValueError);
  CHECK(refusal<ValueError>([] { scatter_svg({}, "", "", {{"a", {1}, {}}}); }) == "chart: 'a' has 1 and 0 numbers");
  CHECK_THROWS_AS(scatter_svg({}, "", "", {{"a", {kNaN}, {1}}}), ValueError);
}

TEST_CASE("confusion of the mixture and of each expert's own samples") {
  moe::Record record = small_record();
  const std::string svg = confusion_svg("t", "s", record, {"a<b", "c"});
  CHECK(svg_fault(svg) == "");
  CHECK(svg.find("the mixture") != std::string::npos);
  CHECK(svg.find("4 samples, 75.0 % right") != std::string::npos);
  CHECK(svg.find("2 samples, 100.0 % right") != std::string::npos);  // expert 0
  CHECK(svg.find("2 samples, 50.0 % right") != std::string::npos);   // expert 1
  CHECK(svg.find("a&lt;b") != std::string::npos);
  CHECK(count_of(svg, ">50</text>") == 4);  // label 1 is half wrong, for the mixture and for expert 1
  record.expert = {0, 0, 0, -1};
  CHECK(confusion_svg("t", "s", record, {}).find("no samples") != std::string::npos);
  CHECK(svg_fault(confusion_svg("t", "s", random_record(300, 3, 40, 2), {})) == "");
  const std::string single = confusion_svg("t", "s", random_record(30, 1, 3, 2), {});
  CHECK(single.find("the model") != std::string::npos);
  CHECK(single.find("expert 0") == std::string::npos);
  CHECK_THROWS_AS(confusion_svg("t", "s", record, {"a"}), ValueError);
  CHECK_THROWS_AS(confusion_svg("t", "s", moe::Record(), {}), ValueError);
}

}  // namespace divvy::test
