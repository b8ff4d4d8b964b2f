#pragma once

#include <map>
#include <set>
#include <string>

#include "nn/module.h"
#include "tensor/safetensors.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"
#include "tests/support/paths.h"

/// Reading what tests/fixtures/make_fixtures.py wrote. PyTorch computed everything in f64 from numbers that f32 can
/// represent, so the same file is compared with in both types.
namespace divvy::test {

/// How far a result of this type may be from PyTorch's.
inline double fixture_rtol(DType dtype) { return dtype == DType::f64 ? 1e-10 : 1.3e-6; }
inline double fixture_atol(DType dtype) { return dtype == DType::f64 ? 1e-10 : 1e-5; }

inline std::string difference_from_fixture(const Tensor& got, const Tensor& expected) {
  return difference(got, expected, fixture_rtol(got.dtype()), fixture_atol(got.dtype()));
}

class Fixture {
 public:
  explicit Fixture(const std::string& name) : tensors_(load_safetensors(fixture_path(name + ".safetensors")).tensors) {}

  /// The names before the slash.
  std::set<std::string> cases() const {
    std::set<std::string> all;
    for (const auto& [name, tensor] : tensors_) all.insert(name.substr(0, name.find('/')));
    return all;
  }
  bool has(const std::string& name) const { return tensors_.count(name) > 0; }
  const Tensor& at(const std::string& name) const {
    INFO(name);
    REQUIRE(has(name));
    return tensors_.at(name);
  }
  Tensor at(const std::string& name, DType dtype) const { return converted(at(name), dtype); }
  /// The tensors whose names begin with `prefix`, by the rest of the name.
  std::map<std::string, Tensor> below(const std::string& prefix, DType dtype) const {
    std::map<std::string, Tensor> found;
    for (const auto& [name, tensor] : tensors_) {
      if (name.rfind(prefix, 0) == 0) found.emplace(name.substr(prefix.size()), converted(tensor, dtype));
    }
    return found;
  }

 private:
  std::map<std::string, Tensor> tensors_;
};

/// Checks that the file and the table of a test have the same cases, so that neither has one that is never compared.
template <class Table>
void check_same_cases(const Fixture& fixture, const Table& table) {
  std::set<std::string> named;
  for (const auto& [name, entry] : table) named.insert(name);
  CHECK(named == fixture.cases());
}

/// Gives a module of that type the parameters and buffers of a case and compares value, gradients and buffers with
/// PyTorch's.
inline void check_module(const Fixture& fixture, const std::string& name, nn::Module& module, DType dtype) {
  INFO(name << " in " << name_of(dtype));
  module.load_state_dict(fixture.below(name + "/state.", dtype));
  const Variable x(fixture.at(name + "/x", dtype), true);
  const Variable y = module(x);
  CHECK(difference_from_fixture(y.value(), fixture.at(name + "/y")) == "");
  backward(y, fixture.at(name + "/dy", dtype));
  CHECK(difference_from_fixture(x.grad(), fixture.at(name + "/dx")) == "");
  const auto gradients = fixture.below(name + "/grad.", DType::f64);
  CHECK(gradients.size() == module.parameters().size());
  for (const auto& [path, gradient] : gradients) {
    INFO(path);
    CHECK(difference_from_fixture(module.parameter(path).grad(), gradient) == "");
  }
  for (const auto& [path, buffer] : module.named_buffers()) {
    INFO(path);
    CHECK(difference_from_fixture(buffer.value(), fixture.at(name + "/after." + path)) == "");
  }
}

}  // namespace divvy::test
