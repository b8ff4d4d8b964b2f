#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "kernels/precision.h"
#include "nn/rows.h"
#include "nn/spec.h"

namespace divvy {
class Generator;
}

namespace divvy::nn {

class Sequential;
struct Plan;

using NamedVariables = std::vector<std::pair<std::string, Variable>>;
/// Values by dotted name, as load_safetensors and save_safetensors use them.
using StateDict = std::map<std::string, Tensor>;

/// Differences that load_state_dict ignores instead of throwing.
struct LoadOptions {
  bool allow_missing = false;     ///< entries missing in the dictionary keep their values
  bool allow_unexpected = false;  ///< entries that the module does not have are ignored
};

/// A layer or a network: parameters, which are trained; buffers, which are saved with them but have no gradient
/// (running statistics); and child modules. Modules are held by std::shared_ptr and are not copied. A user-defined
/// layer derives from Module, registers its parameters, buffers and children in the constructor and defines forward().
///
/// Names are dotted paths ("experts.0.weight") and are set on the variables too, so that an error names the layer.
/// Paths start at the outermost module: registering a module in another one renames its contents.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The output for the rows of x, divided among experts as x is. A module that calls others passes its rows on to
  /// them; one without stacked parameters derives from Rowwise and sees only the values.
  virtual Rows forward(const Rows& x) = 0;
  Rows operator()(const Rows& x) { return forward(x); }
  /// The output for a batch that is not divided.
  Variable operator()(const Variable& batch) { return forward(batch).values(); }

  /// What forward() computes, so that several layers can be evaluated as one operation; by default unspecified. The
  /// spec must hold as long as the module lives, so a class that overrides it makes forward() (or Rowwise's apply())
  /// final.
  virtual Spec spec() const { return {}; }
  /// The plans by which this module last evaluated its children, if it plans them as Sequential does (nn/plan.h).
  virtual std::vector<Plan> plans() const;

  /// A one-line description: "Linear(169 -> 5, 10 experts)"; by default the name of the class.
  virtual std::string describe() const;
  /// Draws new initial values for all parameters and resets the buffers, in the order of registration.
  virtual void reset(Generator& generator);

  /// The parameters of this module and then of its children, in the order of registration. A shared parameter is listed
  /// once, under its first name.
  NamedVariables named_parameters() const;
  std::vector<Variable> parameters() const;
  NamedVariables named_buffers() const;
  /// This module (named "") and all below it, each before its children.
  std::vector<std::pair<std::string, Module*>> named_modules();
  std::vector<std::pair<std::string, const Module*>> named_modules() const;
  /// The parameter `name`. Throws ValueError, which lists the parameters, if there is none of that name.
  Variable parameter(const std::string& name) const;

  /// Sets training mode, in which dropout is active and batch normalization uses the statistics of the batch and
  /// updates the running ones. It is on by default.
  void train(bool on = true);
  void eval() { train(false); }
  /// False also if the module is frozen.
  bool is_training() const { return training_ && !frozen_; }
  /// Sets whether successive layers may be evaluated as one operation (nn/plan.h), in this module and all below it. It
  /// is on by default; off gives the reference, from which fused evaluation differs only by rounding.
  void set_fused(bool on);
  bool is_fused() const { return fused_; }
  /// Sets what the factors of f32 products are rounded to, forward and backward, in this module and all below it. It is
  /// f32 by default.
  void set_precision(Precision precision);
  Precision precision() const { return precision_; }
  void zero_grad();
  /// Sets whether the parameters are trained. One that is not loses its gradient, so an optimizer skips it.
  void set_requires_grad(bool requires_grad);
  /// Freezes the module: no parameter is trained, and it stays in evaluation mode whatever train() says, so that
  /// running statistics stay too. freeze(false) makes all parameters trainable again.
  void freeze(bool on = true);
  bool is_frozen() const { return frozen_; }
  /// Moves parameters, gradients and floating-point buffers to a device. Integer buffers stay on the host, which reads
  /// them.
  void to(Device device);

  // What a module offers or needs besides forward(). Each function describes the module itself, not those below it.

  /// What draws random numbers in training, such as "dropout"; empty if nothing does.
  virtual std::string_view draws() const { return {}; }
  /// The layers that it applies one after the other, or null if it is not such a chain.
  virtual Sequential* layers() { return nullptr; }
  /// The experts if each is a separate module; empty if they are stacked or there are none.
  virtual std::vector<std::shared_ptr<Module>> separate_experts() const { return {}; }

  int64_t parameter_count() const;
  /// A table of layers, parameters, shapes and counts, with a total.
  std::string summary() const;

  /// Copies of all parameters and buffers.
  StateDict state_dict() const;
  /// Copies the values of `state` over the parameters and buffers. Throws CheckpointError that lists every missing,
  /// unexpected and wrongly shaped or typed entry; then nothing has been loaded.
  void load_state_dict(const StateDict& state, const LoadOptions& options = {});

 protected:
  /// Registers a trainable parameter and returns it. `stacked_experts` is E for a parameter [E, ...] of stacked
  /// experts. Throws ValueError for a name that is empty, contains a dot or is taken.
  Variable register_parameter(const std::string& name, Tensor value, int64_t stacked_experts = 0);
  Variable register_buffer(const std::string& name, Tensor value);
  template <class M>
  std::shared_ptr<M> register_module(const std::string& name, std::shared_ptr<M> module) {
    add_child(name, module);
    return module;
  }
  /// Replaces a registered module by another one, which gets its precision. Throws ValueError if no module has that
  /// name.
  void replace_module(const std::string& name, const std::shared_ptr<Module>& module);

 private:
  void require_free_name(const std::string& name) const;
  void add_child(const std::string& name, std::shared_ptr<Module> module);

  NamedVariables parameters_;
  NamedVariables buffers_;
  std::vector<std::pair<std::string, std::shared_ptr<Module>>> children_;
  bool training_ = true;
  bool frozen_ = false;
  bool fused_ = true;
  Precision precision_ = Precision::f32;

  friend class ModuleTree;
};

/// A module without stacked parameters, which treats the rows of all experts alike: a function of their values.
class Rowwise : public Module {
 public:
  Rows forward(const Rows& x) final {
    return x.map([this](const Variable& values) { return apply(values); });
  }

 protected:
  /// Maps the values of the rows, [N, ...], to the outputs, [N, ...].
  virtual Variable apply(const Variable& x) = 0;
};

}  // namespace divvy::nn
