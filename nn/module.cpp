#include "nn/module.h"

#include <cxxabi.h>

#include <algorithm>
#include <cstdlib>
#include <typeinfo>

#include "nn/plan.h"
#include "tensor/error.h"

namespace divvy::nn {

/// Walks over a module and everything below it, with dotted names.
class ModuleTree {
 public:
  static std::string joined(const std::string& path, const std::string& name) {
    return path.empty() ? name : fmt::format("{}.{}", path, name);
  }

  template <class M, class F>
  static void for_each(M& module, const std::string& path, const F& f) {
    f(path, module);
    for (const auto& [name, child] : module.children_) {
      for_each(static_cast<M&>(*child), joined(path, name), f);
    }
  }

  static NamedVariables collect(const Module& module, NamedVariables Module::*member) {
    NamedVariables all;
    for_each(module, "", [&](const std::string& path, const Module& part) {
      for (const auto& [name, variable] : part.*member) {
        const auto same = [&v = variable](const auto& other) { return other.second.is(v); };
        if (std::none_of(all.begin(), all.end(), same)) all.emplace_back(joined(path, name), variable);
      }
    });
    return all;
  }

  template <class F>
  static void for_all(Module& module, const F& f) {
    for_each(module, "", [&](const std::string&, Module& part) { f(part); });
  }
};

std::string Module::describe() const {
  int status = 0;
  char* readable = abi::__cxa_demangle(typeid(*this).name(), nullptr, nullptr, &status);
  std::string name = status == 0 ? readable : typeid(*this).name();
  std::free(readable);
  const size_t colon = name.rfind("::");
  return colon == std::string::npos ? name : name.substr(colon + 2);
}

std::vector<Plan> Module::plans() const { return {}; }

void Module::reset(Generator& generator) {
  if (!parameters_.empty()) {
    fail<ValueError>("{}: has parameters of its own and does not say how to reset them; define reset()", describe());
  }
  for (const auto& [name, child] : children_) child->reset(generator);
}

NamedVariables Module::named_parameters() const { return ModuleTree::collect(*this, &Module::parameters_); }
NamedVariables Module::named_buffers() const { return ModuleTree::collect(*this, &Module::buffers_); }

std::vector<Variable> Module::parameters() const {
  std::vector<Variable> all;
  for (const auto& [name, parameter] : named_parameters()) all.push_back(parameter);
  return all;
}

std::vector<std::pair<std::string, Module*>> Module::named_modules() {
  std::vector<std::pair<std::string, Module*>> all;
  ModuleTree::for_each(*this, "", [&](const std::string& path, Module& part) { all.emplace_back(path, &part); });
  return all;
}

std::vector<std::pair<std::string, const Module*>> Module::named_modules() const {
  std::vector<std::pair<std::string, const Module*>> all;
  ModuleTree::for_each(*this, "", [&](const std::string& path, const Module& part) { all.emplace_back(path, &part); });
  return all;
}

Variable Module::parameter(const std::string& name) const {
  std::string known;
  for (const auto& [other, variable] : named_parameters()) {
    if (other == name) return variable;
    known += (known.empty() ? "" : ", ") + other;
  }
  fail<ValueError>("{}: no parameter is called '{}'; there are: {}", describe(), name, known.empty() ? "none" : known);
}

void Module::train(bool on) {
  ModuleTree::for_all(*this, [on](Module& part) { part.training_ = on; });
}

void Module::set_fused(bool on) {
  ModuleTree::for_all(*this, [on](Module& part) { part.fused_ = on; });
}

void Module::set_precision(Precision precision) {
  ModuleTree::for_all(*this, [precision](Module& part) { part.precision_ = precision; });
}

void Module::zero_grad() {
  for (auto& [name, parameter] : named_parameters()) parameter.zero_grad();
}

void Module::set_requires_grad(bool requires_grad) {
  for (auto& [name, parameter] : named_parameters()) {
    parameter.set_requires_grad(requires_grad);
    if (!requires_grad) parameter.zero_grad();
  }
}

void Module::freeze(bool on) {
  set_requires_grad(!on);
  ModuleTree::for_all(*this, [on](Module& part) { part.frozen_ = on; });
}

void Module::to(Device device) {
  for (auto& [name, parameter] : named_parameters()) {
    parameter.set_value(parameter.value().to(device));
    if (parameter.grad().defined()) parameter.mutable_grad() = parameter.grad().to(device);
  }
  for (auto& [name, buffer] : named_buffers()) {
    if (is_floating(buffer.dtype())) buffer.set_value(buffer.value().to(device));
  }
}

int64_t Module::parameter_count() const {
  int64_t count = 0;
  for (const auto& [name, parameter] : named_parameters()) count += parameter.value().numel();
  return count;
}

Variable Module::register_parameter(const std::string& name, Tensor value, int64_t stacked_experts) {
  require_free_name(name);
  Variable parameter(std::move(value), true);
  const Shape& shape = parameter.shape();
  if (stacked_experts < 0 || (stacked_experts > 0 && (shape.rank() == 0 || shape[0] != stacked_experts))) {
    fail<ShapeError>("{}: parameter '{}' {} does not stack {} experts along its leading axis", describe(), name, shape,
                     stacked_experts);
  }
  parameter.set_name(name);
  if (stacked_experts > 0) parameter.set_part_name("expert");
  parameters_.emplace_back(name, parameter);
  return parameter;
}

Variable Module::register_buffer(const std::string& name, Tensor value) {
  require_free_name(name);
  Variable buffer(std::move(value));
  buffer.set_name(name);
  buffers_.emplace_back(name, buffer);
  return buffer;
}

void Module::require_free_name(const std::string& name) const {
  if (name.empty() || name.find('.') != std::string::npos) {
    fail<ValueError>("{}: '{}' is no name for a part of a module: it must not be empty or have a dot", describe(),
                     name);
  }
  const auto called = [&name](const auto& part) { return part.first == name; };
  if (std::any_of(parameters_.begin(), parameters_.end(), called) ||
      std::any_of(buffers_.begin(), buffers_.end(), called) ||
      std::any_of(children_.begin(), children_.end(), called)) {
    fail<ValueError>("{}: the name '{}' is taken", describe(), name);
  }
}

void Module::add_child(const std::string& name, std::shared_ptr<Module> module) {
  require_free_name(name);
  if (!module) fail<ValueError>("{}: module '{}' is null", describe(), name);
  for (const auto& [path, part] : module->named_modules()) {
    if (part == this) fail<ValueError>("{}: module '{}' would contain itself", describe(), name);
  }
  for (const auto& [path, parameter] : module->named_parameters())
    Variable(parameter).set_name(ModuleTree::joined(name, path));
  for (const auto& [path, buffer] : module->named_buffers()) Variable(buffer).set_name(ModuleTree::joined(name, path));
  children_.emplace_back(name, std::move(module));
}

void Module::replace_module(const std::string& name, const std::shared_ptr<Module>& module) {
  const auto named = [&](const auto& child) { return child.first == name; };
  const auto found = std::find_if(children_.begin(), children_.end(), named);
  if (found == children_.end()) fail<ValueError>("{}: there is no module '{}' to replace", describe(), name);
  const auto place = found - children_.begin();
  const auto old = *found;
  children_.erase(found);
  try {
    add_child(name, module);
  } catch (...) {
    children_.insert(children_.begin() + place, old);
    throw;
  }
  std::rotate(children_.begin() + place, children_.end() - 1, children_.end());
  module->set_precision(old.second->precision());
}

}  // namespace divvy::nn
