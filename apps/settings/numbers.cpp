#include "apps/settings/numbers.h"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "tensor/error.h"
#include "tensor/text.h"

namespace divvy::app {

namespace {

double parse_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value) || value <= 0) {
    fail<ValueError>("'{}' is no number greater than 0", printable(text, 80));
  }
  return value;
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (size_t begin = 0; begin <= text.size();) {
    const size_t end = std::min(text.find(separator, begin), text.size());
    parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

std::vector<double> parse_numbers(const std::string& text) {
  std::vector<double> numbers;
  for (const std::string& part : split(text, ',')) numbers.push_back(parse_number(part));
  return numbers;
}

std::string numbers_text(const std::vector<double>& numbers) { return fmt::format("{}", fmt::join(numbers, ",")); }

TemperaturePlan parse_temperatures(const std::string& text) {
  constexpr int64_t kMostEpochs = 1'000'000;
  TemperaturePlan plan;
  if (text.find_first_of(",x") == std::string::npos) return {{}, parse_number(text)};
  for (const std::string& part : split(text, ',')) {
    const size_t times = part.find('x');
    plan.last = parse_number(part.substr(0, times));
    const double epochs = times == std::string::npos ? 1 : parse_number(part.substr(times + 1));
    if (epochs != std::floor(epochs) || epochs > kMostEpochs) {
      fail<ValueError>("'{}' is no number of epochs; a schedule is written as 10x25,1x25,0.01x25",
                       printable(part.substr(times + 1), 80));
    }
    if (static_cast<double>(plan.schedule.size()) + epochs > kMostEpochs) {
      fail<ValueError>("a schedule of temperatures is for {} epochs at most; the last one stays for all that follow",
                       kMostEpochs);
    }
    plan.schedule.insert(plan.schedule.end(), static_cast<size_t>(epochs), plan.last);
  }
  return plan;
}

std::string temperatures_text(const TemperaturePlan& plan) {
  if (plan.schedule.empty()) return fmt::format("{}", plan.last);
  std::string text;
  for (auto begin = plan.schedule.begin(); begin != plan.schedule.end();) {
    const auto end = std::find_if(begin, plan.schedule.end(), [begin](double t) { return t != *begin; });
    text += fmt::format("{}{}x{}", text.empty() ? "" : ",", *begin, end - begin);
    begin = end;
  }
  return text;
}

}  // namespace divvy::app
