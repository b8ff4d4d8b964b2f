#include "nn/state_check.h"

#include <algorithm>

#include "tensor/error.h"

namespace divvy::nn::detail {

namespace {

/// "missing: a, b; ", or nothing if there are no entries.
std::string listed(const char* what, const std::vector<std::string>& entries) {
  if (entries.empty()) return "";
  std::string text = std::string(what) + ": ";
  for (size_t i = 0; i < entries.size(); ++i) text += (i == 0 ? "" : ", ") + entries[i];
  return text + "; ";
}

}  // namespace

std::string state_problems(const std::vector<ExpectedEntry>& expected, const StateDict& state,
                           const LoadOptions& options) {
  std::vector<std::string> missing, unexpected, wrong;
  for (const auto& [name, shape, dtype] : expected) {
    const auto found = state.find(name);
    if (found == state.end()) {
      missing.push_back(name);
    } else if (const Tensor& value = found->second; !value.defined()) {
      wrong.push_back(name + " (undefined)");
    } else if (value.shape() != shape || value.dtype() != dtype) {
      wrong.push_back(fmt::format("{} (is {} {}, needs {} {})", name, value.dtype(), value.shape(), dtype, shape));
    }
  }
  for (const auto& [name, value] : state) {
    const auto called = [&n = name](const ExpectedEntry& entry) { return entry.name == n; };
    if (std::none_of(expected.begin(), expected.end(), called)) unexpected.push_back(name);
  }
  if (options.allow_missing) missing.clear();
  if (options.allow_unexpected) unexpected.clear();
  return listed("missing", missing) + listed("unexpected", unexpected) + listed("of the wrong shape or type", wrong);
}

}  // namespace divvy::nn::detail
