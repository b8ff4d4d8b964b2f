#include "nn/state_dict.h"

#include <iterator>

#include "nn/state_check.h"
#include "tensor/error.h"

namespace divvy::nn {

namespace {

NamedVariables entries_of(const Module& module) {
  NamedVariables entries = module.named_parameters();
  NamedVariables buffers = module.named_buffers();
  std::move(buffers.begin(), buffers.end(), std::back_inserter(entries));
  return entries;
}

StateDict on_cpu(StateDict state) {
  for (auto& [name, value] : state) value = value.to(Device::cpu());
  return state;
}

}  // namespace

StateDict Module::state_dict() const {
  StateDict state;
  for (const auto& [name, variable] : entries_of(*this)) state.emplace(name, variable.value().clone());
  return state;
}

void Module::load_state_dict(const StateDict& state, const LoadOptions& options) {
  NamedVariables entries = entries_of(*this);
  std::vector<detail::ExpectedEntry> expected;
  for (const auto& [name, variable] : entries) expected.push_back({name, variable.shape(), variable.dtype()});
  const std::string problems = detail::state_problems(expected, state, options);
  if (!problems.empty()) fail<CheckpointError>("the state does not fit {}; {}nothing was loaded", describe(), problems);
  for (auto& [name, variable] : entries) {
    if (const auto found = state.find(name); found != state.end()) variable.mutable_value().copy_from(found->second);
  }
}

void save(const Module& module, const std::filesystem::path& path, const std::map<std::string, std::string>& metadata) {
  save_safetensors(path, {on_cpu(module.state_dict()), metadata});
}

std::map<std::string, std::string> load(Module& module, const std::filesystem::path& path, const LoadOptions& options) {
  SafeTensors contents = load_safetensors(path);
  try {
    module.load_state_dict(contents.tensors, options);
  } catch (const CheckpointError& error) {
    fail<CheckpointError>("{}: {}", path.string(), error.what());
  }
  return std::move(contents.metadata);
}

}  // namespace divvy::nn
