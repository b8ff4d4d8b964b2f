#include "autograd/ops/reduce.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/softmax_cross_entropy.h"
#include "tests/support/catch.h"
#include "tests/support/fixture_case.h"

namespace divvy::test {

namespace {

using Axes = std::vector<int>;

/// Over every set of axes that the file has for each reduction.
void add_reductions(std::vector<FixtureTest>& tests) {
  const std::pair<const char*, std::function<Variable(const Variable&, const Axes&, bool)>> ops[] = {
      {"sum", sum},
      {"mean", mean},
      {"max", max},
      {"logsumexp", logsumexp},
      {"var_unbiased", [](const auto& x, const auto& axes, bool keepdim) { return var(x, axes, true, keepdim); }},
      {"var_biased", [](const auto& x, const auto& axes, bool keepdim) { return var(x, axes, false, keepdim); }}};
  const std::tuple<const char*, Axes, bool> sets[] = {
      {"all", {}, false},           {"all_keepdim", {}, true},
      {"first", {0}, false},        {"middle", {1}, false},
      {"last", {-1}, false},        {"last_keepdim", {2}, true},
      {"first_two", {0, 1}, false}, {"last_two", {1, 2}, false},
      {"outer_two", {0, 2}, false}, {"outer_two_keepdim", {2, 0}, true}};
  for (const auto& [name, op] : ops) {
    for (const auto& [label, axes, keepdim] : sets) {
      tests.push_back({fmt::format("{}/{}", name, label), [op = op, axes = axes, keepdim = keepdim](FixtureRun& in) {
                         return op(in["x"], axes, keepdim);
                       }});
    }
  }
}

void add_softmax(std::vector<FixtureTest>& tests) {
  const std::pair<const char*, Variable (*)(const Variable&, double)> ops[] = {{"softmax", softmax},
                                                                               {"log_softmax", log_softmax}};
  const std::pair<const char*, double> temperatures[] = {{"temperature_1", 1}, {"temperature_half", 0.5},
                                                         {"temperature_4", 4}, {"vector", 1},
                                                         {"images", 2},        {"large", 1}};
  for (const auto& [name, op] : ops) {
    for (const auto& [label, temperature] : temperatures) {
      tests.push_back({fmt::format("{}/{}", name, label),
                       [op = op, temperature = temperature](FixtureRun& in) { return op(in["x"], temperature); }});
    }
  }
}

}  // namespace

TEST_CASE("reductions agree with PyTorch", "[pytorch]") {
  std::vector<FixtureTest> tests{
      {"max/argmax",
       [](FixtureRun& in) {
         in.result("argmax", argmax(in["x"], 1));
         return max(in["x"], {1});
       }},
      {"max/ties", [](FixtureRun& in) { return max(in["x"], {1}); }},
      {"logsumexp/large", [](FixtureRun& in) { return logsumexp(in["x"], {1}); }},
      {"var_unbiased/far_from_zero", [](FixtureRun& in) { return var(in["x"], {0}); }},
  };
  for (const char* label : {"random", "large"}) {
    tests.push_back({fmt::format("softmax_cross_entropy/{}", label),
                     [](FixtureRun& in) { return softmax_cross_entropy(in["x"], in.tensor("label")); }});
  }
  add_reductions(tests);
  add_softmax(tests);
  check_fixtures("reduction", tests);
}

}  // namespace divvy::test
