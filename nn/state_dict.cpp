#include <algorithm>
#include <iterator>

#include "nn/module.h"
#include "tensor/error.h"

namespace divvy::nn {

namespace {

NamedVariables entries_of(const Module& module) {
  NamedVariables entries = module.named_parameters();
  NamedVariables buffers = module.named_buffers();
  std::move(buffers.begin(), buffers.end(), std::back_inserter(entries));
  return entries;
}

/// "missing: a, b; " or nothing.
std::string listed(const char* what, const std::vector<std::string>& entries) {
  if (entries.empty()) return "";
  std::string text = std::string(what) + ": ";
  for (size_t i = 0; i < entries.size(); ++i) text += (i == 0 ? "" : ", ") + entries[i];
  return text + "; ";
}

/// Every way in which `state` does not fit, as one line; empty where it fits.
std::string problems(const NamedVariables& entries, const StateDict& state, const LoadOptions& options) {
  std::vector<std::string> missing, unexpected, wrong;
  for (const auto& [name, variable] : entries) {
    const auto found = state.find(name);
    if (found == state.end()) {
      missing.push_back(name);
      continue;
    }
    const Tensor& value = found->second;
    if (!value.defined()) {
      wrong.push_back(name + " (undefined)");
    } else if (value.shape() != variable.shape() || value.dtype() != variable.dtype()) {
      wrong.push_back(fmt::format("{} (is {} {}, needs {} {})", name, value.dtype(), value.shape(), variable.dtype(),
                                  variable.shape()));
    }
  }
  for (const auto& [name, value] : state) {
    const auto called = [&n = name](const auto& entry) { return entry.first == n; };
    if (std::none_of(entries.begin(), entries.end(), called)) unexpected.push_back(name);
  }
  if (options.allow_missing) missing.clear();
  if (options.allow_unexpected) unexpected.clear();
  return listed("missing", missing) + listed("unexpected", unexpected) + listed("of the wrong shape or type", wrong);
}

}  // namespace

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [name, variable] : entries_of(*this)) state.emplace(name, variable.value().clone());
  return state;
}

void Module::load_state_dict(const StateDict& state, const LoadOptions& options) {
  NamedVariables entries = entries_of(*this);
  const std::string text = problems(entries, state, options);
  if (!text.empty()) fail<CheckpointError>("the state does not fit {}; {}nothing was loaded", describe(), text);
  for (auto& [name, variable] : entries) {
    if (const auto found = state.find(name); found != state.end()) variable.mutable_value().copy_from(found->second);
  }
}

}  // namespace divvy::nn
