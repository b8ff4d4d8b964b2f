#include "nn/loss.h"
#include "tests/support/catch.h"
#include "tests/support/fixture_case.h"

namespace divvy::test {

TEST_CASE("losses agree with PyTorch", "[pytorch]") {
  using nn::Reduction;
  const std::pair<const char*, Reduction> reductions[] = {
      {"none", Reduction::none}, {"mean", Reduction::mean}, {"sum", Reduction::sum}};
  std::vector<FixtureTest> tests;
  for (const auto& [name, reduction] : reductions) {
    const auto add = [&tests, name = name](const char* loss, const std::function<Variable(FixtureRun&)>& call) {
      tests.push_back({fmt::format("{}/{}", loss, name), call});
    };
    add("cross_entropy", [r = reduction](FixtureRun& in) { return nn::cross_entropy(in["x"], in.tensor("label"), r); });
    add("nll", [r = reduction](FixtureRun& in) { return nn::nll(in["x"], in.tensor("label"), r); });
    add("cross_entropy_from_probabilities", [r = reduction](FixtureRun& in) {
      return nn::cross_entropy_from_probabilities(in["x"], in.tensor("label"), r);
    });
    add("mse", [r = reduction](FixtureRun& in) { return nn::mse(in["prediction"], in["target"], r); });
  }
  check_fixtures("losses", tests);
}

}  // namespace divvy::test
