#include "nn/schedule.h"

#include <cmath>

#include "tests/support/refusal.h"

namespace divvy::test {

using Catch::Matchers::Contains;
using nn::Schedule;

TEST_CASE("schedules give the factors that their formulas promise", "[schedule]") {
  CHECK(nn::constant()(1000) == 1);
  CHECK(nn::constant(0.25)(0) == 0.25);
  const Schedule steps = nn::step_decay(3, 0.5);
  CHECK((steps(0) == 1 && steps(2) == 1 && steps(3) == 0.5 && steps(6) == 0.25));
  const Schedule at = nn::milestones({2, 5}, 0.5);
  CHECK((at(0) == 1 && at(1) == 1 && at(2) == 0.5 && at(4) == 0.5 && at(5) == 0.25 && at(100) == 0.25));
  CHECK(nn::milestones({}, 0.5)(7) == 1);
  CHECK(nn::exponential(0.5)(3) == 0.125);
  CHECK(nn::exponential(0.5)(0) == 1);
  const Schedule wave = nn::cosine(10, 0.2);
  CHECK(wave(0) == 1);
  CHECK(wave(5) == Approx(0.6));
  CHECK(wave(2) == Approx(0.2 + 0.4 * (1 + std::cos(0.2 * 3.14159265358979))));
  CHECK(wave(10) == Approx(0.2));
  CHECK(wave(11) == wave(10));
  const Schedule line = nn::linear_ramp(4, 10, 2);
  CHECK((line(0) == 10 && line(1) == 8 && line(4) == 2 && line(9) == 2));
  const Schedule warm = nn::linear_warmup(3);
  CHECK((warm(0) == 0.25 && warm(2) == 0.75 && warm(3) == 1 && warm(50) == 1));
}

TEST_CASE("schedules are multiplied and chained", "[schedule]") {
  const Schedule both = nn::product({nn::constant(0.5), nn::exponential(0.5)});
  CHECK(both(2) == 0.125);
  CHECK(nn::product({})(3) == 1);
  const Schedule parts = nn::chain({{3, nn::linear_warmup(3)}, {2, nn::constant(1)}, {0, nn::step_decay(1, 0.5)}});
  const double expected[] = {0.25, 0.5, 0.75, 1, 1, 1, 0.5, 0.25};
  for (int64_t step = 0; step < 8; ++step) CHECK(parts(step) == expected[step]);
}

TEST_CASE("schedules refuse arguments out of range", "[schedule]") {
  const Schedule all[] = {nn::constant(),       nn::step_decay(1), nn::milestones({1}),
                          nn::exponential(1),   nn::cosine(1),     nn::linear_ramp(1, 1, 0),
                          nn::linear_warmup(1), nn::product({}),   nn::chain({{1, nn::constant()}})};
  for (const Schedule& schedule : all) {
    CHECK(refusal<ValueError>([&] { schedule(-1); }) == "schedule: steps are counted from 0, got -1");
  }
  for (double bad : {-1.0, std::nan(""), HUGE_VAL}) {
    CHECK_THAT(refusal<ValueError>([&] { nn::constant(bad); }), Contains("the factor must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { nn::step_decay(1, bad); }), Contains("gamma must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { nn::milestones({1}, bad); }), Contains("gamma must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { nn::exponential(bad); }), Contains("gamma must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { nn::cosine(1, bad); }), Contains("the floor must be in [0, 1]"));
    CHECK_THAT(refusal<ValueError>([&] { nn::linear_ramp(1, bad, 1); }), Contains("from must be finite"));
    CHECK_THAT(refusal<ValueError>([&] { nn::linear_ramp(1, 1, bad); }), Contains("to must be finite"));
  }
  CHECK_THAT(refusal<ValueError>([] { nn::step_decay(0); }), Contains("1 step or more, got 0"));
  CHECK_THAT(refusal<ValueError>([] { nn::cosine(0); }), Contains("1 step or more, got 0"));
  CHECK_THAT(refusal<ValueError>([] { nn::linear_ramp(0, 1, 1); }), Contains("1 step or more, got 0"));
  CHECK_THAT(refusal<ValueError>([] { nn::linear_warmup(0); }), Contains("1 step or more, got 0"));
  CHECK_THAT(refusal<ValueError>([] {
               nn::milestones({3, 3});
             }),
             Contains("must increase from 0 on, got 3 at place 1"));
  CHECK_THAT(refusal<ValueError>([] { nn::milestones({-1}); }), Contains("got -1 at place 0"));
  CHECK_THAT(refusal<ValueError>([] { nn::product({Schedule()}); }), Contains("a schedule is empty"));
  CHECK_THAT(refusal<ValueError>([] { nn::chain({}); }), Contains("at least one part"));
  CHECK_THAT(refusal<ValueError>([] { nn::chain({{1, Schedule()}}); }), Contains("a schedule is empty"));
  CHECK_THAT(refusal<ValueError>([] {
               nn::chain({{0, nn::constant()}, {0, nn::constant()}});
             }),
             Contains("1 step or more"));
}

}  // namespace divvy::test
