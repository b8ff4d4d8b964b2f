#include "tests/support/fixture_case.h"

#include <algorithm>
#include <utility>

#include "tensor/error.h"
#include "tensor/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/devices.h"
#include "tests/support/paths.h"

namespace divvy::test {

namespace {

using Tensors = FixtureRun::Tensors;

/// The tensors of each case by the part of their name after the last slash.
std::map<std::string, Tensors> read_cases(const std::string& file) {
  const SafeTensors contents = load_safetensors(fixture_path(fmt::format("operations/{}.safetensors", file)));
  std::map<std::string, Tensors> cases;
  for (const auto& [name, tensor] : contents.tensors) {
    const size_t slash = name.rfind('/');
    REQUIRE(slash != std::string::npos);
    cases[name.substr(0, slash)].emplace(name.substr(slash + 1), tensor);
  }
  return cases;
}

/// The names of the inputs whose gradients are in the file.
std::set<std::string> learning_inputs(const Tensors& tensors) {
  std::set<std::string> inputs;
  for (const auto& [key, tensor] : tensors) {
    if (key != "y" && tensors.contains("d" + key)) inputs.insert(key);
  }
  return inputs;
}

/// `factor` multiplies the tolerances of f32.
void check_equal(const std::string& what, const Tensor& got, const Tensor& expected, DType dtype, double factor) {
  INFO(what);
  const bool exact = dtype == DType::f64;
  CHECK(difference(got, expected, exact ? 1e-10 : 1.3e-6 * factor, exact ? 1e-12 : 1e-5 * factor) == "");
}

void check_run(const FixtureTest& test, const Tensors& tensors, const std::set<std::string>& learning, DType dtype,
               Device device) {
  FixtureRun run(tensors, learning, dtype, device);
  const Variable y = test.call(run);
  REQUIRE(y.dtype() == dtype);
  check_equal("y", y.value(), tensors.at("y"), dtype, 1);
  for (const auto& [key, value] : run.results()) {
    REQUIRE(tensors.contains(key));
    check_equal(key, value, tensors.at(key), dtype, 1);
  }
  backward(y, converted(tensors.at("dy"), dtype).to(device));
  std::set<std::string> expected{"y", "dy"};
  for (const auto& [key, variable] : run.variables()) {
    expected.insert("d" + key);
    if (!learning.contains(key)) continue;
    REQUIRE(variable.grad().defined());
    CHECK(variable.grad().dtype() == dtype);
    check_equal("d" + key, variable.grad(), tensors.at("d" + key), dtype, 10);
  }
  for (const auto& [key, tensor] : tensors) {
    INFO(key << " of the file");
    CHECK((expected.contains(key) || run.used().contains(key) || run.results().contains(key)));
  }
}

void check_case(const FixtureTest& test, const Tensors& tensors) {
  const std::set<std::string> inputs = learning_inputs(tensors);
  std::vector<std::set<std::string>> wanted{inputs};
  if (inputs.size() > 1) {
    for (const std::string& input : inputs) wanted.push_back({input});
  }
  for (const Device device : available_devices()) {
    for (const DType dtype : {DType::f64, DType::f32}) {
      for (const auto& learning : wanted) {
        INFO(fmt::format("{} on {}, gradients by {}", dtype, device, fmt::join(learning, " and ")));
        check_run(test, tensors, learning, dtype, device);
      }
    }
  }
}

}  // namespace

const Tensor& FixtureRun::stored(const std::string& key) {
  const auto found = tensors_.find(key);
  if (found == tensors_.end()) fail<ValueError>("the fixture has no {}", key);
  used_.insert(key);
  return found->second;
}

Variable FixtureRun::operator[](const std::string& key) {
  auto [found, first] = variables_.try_emplace(key);
  if (first) found->second = Variable(converted(stored(key), dtype_).to(device_), learning_.contains(key));
  return found->second;
}

Tensor FixtureRun::tensor(const std::string& key) {
  const Tensor& t = stored(key);
  return (is_floating(t.dtype()) ? converted(t, dtype_) : t).to(device_);
}

Segments FixtureRun::segments() {
  return {tensors_.contains("offsets") ? tensor("offsets") : Tensor(),
          tensors_.contains("sample") ? tensor("sample") : Tensor()};
}

void check_fixtures(const std::string& file, const std::vector<FixtureTest>& tests) {
  std::map<std::string, Tensors> cases = read_cases(file);
  for (const FixtureTest& test : tests) {
    INFO(test.name);
    const auto found = cases.extract(test.name);
    if (found.empty()) {
      FAIL_CHECK("a test without a case in " << file << ", or a second one");
      continue;
    }
    check_case(test, found.mapped());
  }
  for (const auto& [name, tensors] : cases) FAIL_CHECK(name << " of " << file << " has no test");
}

}  // namespace divvy::test
