#include "nn/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include "tensor/error.h"

namespace divvy::nn {

namespace {

double checked(int64_t step) {
  if (step < 0) fail<ValueError>("schedule: steps are counted from 0, got {}", step);
  return static_cast<double>(step);
}

void require_length(const char* name, int64_t steps) {
  if (steps < 1) fail<ValueError>("{}: it must last 1 step or more, got {}", name, steps);
}

void require_finite(const char* name, const char* argument, double value) {
  if (!std::isfinite(value) || value < 0) {
    fail<ValueError>("{}: {} must be finite and not negative, got {}", name, argument, value);
  }
}

void require_schedule(const char* name, const Schedule& schedule) {
  if (!schedule) fail<ValueError>("{}: a schedule is empty", name);
}

}  // namespace

Schedule constant(double factor) {
  require_finite("constant", "the factor", factor);
  return [factor](int64_t step) {
    checked(step);
    return factor;
  };
}

Schedule step_decay(int64_t period, double gamma) {
  require_length("step_decay", period);
  require_finite("step_decay", "gamma", gamma);
  return [period, gamma](int64_t step) {
    checked(step);
    const int64_t periods = step / period;
    return std::pow(gamma, static_cast<double>(periods));
  };
}

Schedule milestones(std::vector<int64_t> at, double gamma) {
  require_finite("milestones", "gamma", gamma);
  for (size_t i = 0; i < at.size(); ++i) {
    if (at[i] < 0 || (i > 0 && at[i] <= at[i - 1])) {
      fail<ValueError>("milestones: they must increase from 0 on, got {} at place {}", at[i], i);
    }
  }
  return [at = std::move(at), gamma](int64_t step) {
    checked(step);
    return std::pow(gamma, static_cast<double>(std::upper_bound(at.begin(), at.end(), step) - at.begin()));
  };
}

Schedule exponential(double gamma) {
  require_finite("exponential", "gamma", gamma);
  return [gamma](int64_t step) { return std::pow(gamma, checked(step)); };
}

Schedule cosine(int64_t steps, double floor) {
  require_length("cosine", steps);
  if (!(floor >= 0 && floor <= 1)) fail<ValueError>("cosine: the floor must be in [0, 1], got {}", floor);
  return [steps, floor](int64_t step) {
    const double progress = std::min(1.0, checked(step) / static_cast<double>(steps));
    return floor + (1 - floor) * (1 + std::cos(std::numbers::pi * progress)) / 2;
  };
}

Schedule linear_ramp(int64_t steps, double from, double to) {
  require_length("linear_ramp", steps);
  require_finite("linear_ramp", "from", from);
  require_finite("linear_ramp", "to", to);
  return [=](int64_t step) {
    const double progress = std::min(1.0, checked(step) / static_cast<double>(steps));
    return (1 - progress) * from + progress * to;
  };
}

Schedule linear_warmup(int64_t steps) {
  require_length("linear_warmup", steps);
  return [steps](int64_t step) { return std::min(1.0, (checked(step) + 1) / static_cast<double>(steps + 1)); };
}

Schedule product(std::vector<Schedule> schedules) {
  for (const Schedule& schedule : schedules) require_schedule("product", schedule);
  return [schedules = std::move(schedules)](int64_t step) {
    checked(step);
    double factor = 1;
    for (const Schedule& schedule : schedules) factor *= schedule(step);
    return factor;
  };
}

Schedule chain(std::vector<SchedulePart> parts) {
  if (parts.empty()) fail<ValueError>("chain: it needs at least one part");
  for (size_t i = 0; i < parts.size(); ++i) {
    require_schedule("chain", parts[i].schedule);
    if (i + 1 < parts.size()) require_length("chain", parts[i].steps);
  }
  return [parts = std::move(parts)](int64_t step) {
    checked(step);
    size_t part = 0;
    for (; part + 1 < parts.size() && step >= parts[part].steps; ++part) step -= parts[part].steps;
    return parts[part].schedule(step);
  };
}

}  // namespace divvy::nn
