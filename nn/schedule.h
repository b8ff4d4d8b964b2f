#pragma once

#include <cstdint>
#include <functional>
#include <vector>

namespace divvy::nn {

/// The factor for a step, counted from 0. A schedule has no state, so that resuming needs only the step:
///
///     const Schedule schedule = chain({{500, linear_warmup(500)}, {0, cosine(9500)}});
///     optimizer.scale_lr(schedule(optimizer.steps()));   // before optimizer.step()
///
/// Schedules serve temperatures as well. Each throws ValueError for a negative step.
using Schedule = std::function<double(int64_t step)>;

/// `factor` at every step.
Schedule constant(double factor = 1);

/// gamma^(step / period), with an integer division. Throws ValueError unless period >= 1 and gamma is finite and >= 0.
Schedule step_decay(int64_t period, double gamma = 0.1);

/// gamma^(the number of milestones that are <= step). Throws ValueError for milestones that are not increasing, or a
/// negative one.
Schedule milestones(std::vector<int64_t> at, double gamma = 0.1);

/// gamma^step.
Schedule exponential(double gamma);

/// floor + (1 - floor) * (1 + cos(pi * step / steps)) / 2 from 1 at step 0 to `floor` at `steps` and after.
/// Throws ValueError unless steps >= 1 and 0 <= floor <= 1.
Schedule cosine(int64_t steps, double floor = 0);

/// Linear interpolation from `from` at step 0 to `to` at `steps` and after. Throws ValueError unless steps >= 1 and
/// both are finite.
Schedule linear_ramp(int64_t steps, double from, double to);

/// (step + 1) / (steps + 1), which is not 0 at the first step, and 1 from `steps` on.
Schedule linear_warmup(int64_t steps);

/// The product of schedules at the same step.
Schedule product(std::vector<Schedule> schedules);

/// One part of a chain: a schedule that counts from 0 at its own start.
struct SchedulePart {
  int64_t steps;  ///< its length; ignored for the last part, which never ends
  Schedule schedule;
};

/// Schedules one after the other. Throws ValueError if there are no parts, for an empty schedule, and for a part other
/// than the last with steps < 1.
Schedule chain(std::vector<SchedulePart> parts);

}  // namespace divvy::nn
