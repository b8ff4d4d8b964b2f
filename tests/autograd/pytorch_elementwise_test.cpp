#include <cmath>
#include <limits>

#include "autograd/ops/binary.h"
#include "autograd/ops/unary.h"
#include "autograd/ops/where.h"
#include "tests/support/catch.h"
#include "tests/support/fixture_case.h"

namespace divvy::test {

namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

void add_unary(std::vector<FixtureTest>& tests) {
  const std::pair<const char*, Variable (*)(const Variable&)> ops[] = {
      {"exp", exp},   {"log", log},       {"sqrt", sqrt},      {"rsqrt", rsqrt},       {"abs", abs},
      {"tanh", tanh}, {"relu", relu},     {"gelu", gelu},      {"softplus", softplus}, {"erf", erf},
      {"neg", neg},   {"square", square}, {"sigmoid", sigmoid}};
  for (const auto& [name, op] : ops) {
    for (const char* label : {"random", "delicate"}) {
      tests.push_back({fmt::format("{}/{}", name, label), [op = op](FixtureRun& in) { return op(in["x"]); }});
    }
  }
}

/// A binary operation in its three forms.
struct BinaryForms {
  const char* name;
  Variable (*of_two)(const Variable&, const Variable&);
  Variable (*number_left)(double, const Variable&);
  Variable (*number_right)(const Variable&, double);
};

void add_binary(std::vector<FixtureTest>& tests) {
  const BinaryForms ops[] = {{"add", add, add, add},
                             {"sub", sub, sub, sub},
                             {"mul", mul, mul, mul},
                             {"div", div, div, div},
                             {"maximum", maximum, maximum, maximum},
                             {"minimum", minimum, minimum, minimum},
                             {"pow", pow, pow, pow}};
  const auto of_two = [&](const BinaryForms& op, const char* label) {
    tests.push_back(
        {fmt::format("{}/{}", op.name, label), [op](FixtureRun& in) { return op.of_two(in["a"], in["b"]); }});
  };
  for (const BinaryForms& op : ops) {
    for (const char* label : {"same", "scalar_left", "scalar_right", "row", "column", "both", "outer"}) {
      of_two(op, label);
    }
    tests.push_back(
        {fmt::format("{}/number_left", op.name), [op](FixtureRun& in) { return op.number_left(1.5, in["x"]); }});
    tests.push_back(
        {fmt::format("{}/number_right", op.name), [op](FixtureRun& in) { return op.number_right(in["x"], 1.5); }});
  }
  of_two(ops[3], "negative");
  of_two(ops[4], "ties");
  of_two(ops[5], "ties");
  of_two(ops[6], "zero_base");
  tests.push_back({"mul/itself", [](FixtureRun& in) { return in["x"] * in["x"]; }});
  for (const int exponent : {0, 1, 2, 3, -1, -2}) {
    tests.push_back({fmt::format("pow/exponent_{}{}", exponent < 0 ? "minus_" : "", std::abs(exponent)),
                     [exponent](FixtureRun& in) { return pow(in["x"], exponent); }});
  }
}

}  // namespace

TEST_CASE("functions of single elements agree with PyTorch", "[pytorch]") {
  std::vector<FixtureTest> tests{
      {"clamp/both", [](FixtureRun& in) { return clamp(in["x"], -0.5, 1.25); }},
      {"clamp/limits", [](FixtureRun& in) { return clamp(in["x"], -0.5, 1.25); }},
      {"clamp/low", [](FixtureRun& in) { return clamp(in["x"], -0.5, kInfinity); }},
      {"clamp/high", [](FixtureRun& in) { return clamp(in["x"], -kInfinity, 0.5); }},
  };
  for (const char* label : {"same", "row_and_scalar", "condition_row", "condition_scalar"}) {
    tests.push_back({fmt::format("where/{}", label),
                     [](FixtureRun& in) { return where(in.tensor("condition"), in["a"], in["b"]); }});
  }
  add_unary(tests);
  add_binary(tests);
  check_fixtures("elementwise", tests);
}

}  // namespace divvy::test
