#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "autograd/variable.h"
#include "nn/rows.h"
#include "nn/spec.h"

namespace divvy {
class Generator;
}

namespace divvy::nn {

class Sequential;
struct Plan;

using NamedVariables = std::vector<std::pair<std::string, Variable>>;
/// Values by dotted name, as load_safetensors and save_safetensors take them.
using StateDict = std::map<std::string, Tensor>;

/// What load_state_dict may pass over instead of refusing it.
struct LoadOptions {
  bool allow_missing = false;     ///< entries of the module that the dictionary does not have keep their values
  bool allow_unexpected = false;  ///< entries of the dictionary that the module does not have are ignored
};

/// A layer or a network: parameters, which learn; buffers, which are kept with them but have no gradient (running
/// statistics); and child modules. Modules are held by std::shared_ptr and are not copied. A layer of one's own derives
/// from Module, registers what it has in its constructor and defines forward().
///
/// Names are dotted paths ("experts.0.weight") and are set on the variables too, so that an error names the layer. The
/// path is seen from the outermost module: registering a module in another one renames what is in it.
class Module {
 public:
  Module() = default;
  virtual ~Module() = default;
  Module(const Module&) = delete;
  Module& operator=(const Module&) = delete;

  /// The output for the rows of x, divided as they are. A module that calls others passes its rows on to them; one that
  /// has no stacked parameters derives from Rowwise and sees values alone.
  virtual Rows forward(const Rows& x) = 0;
  Rows operator()(const Rows& x) { return forward(x); }
  /// The output for a batch that is not divided.
  Variable operator()(const Variable& batch) { return forward(batch).values(); }

  /// What forward() computes, for who would compute several layers at once; nothing at first. It holds for as long as
  /// the module lives, so a class that says it makes forward() final, or Rowwise's apply().
  virtual Spec spec() const { return {}; }
  /// How the modules in this one were evaluated last, where they are planned as a Sequential's are (nn/plan.h).
  virtual std::vector<Plan> plans() const;

  /// One line for people: "Linear(169 -> 5, 10 experts)". The name of the class unless a module says more.
  virtual std::string describe() const;
  /// Draws fresh initial values for all parameters and restarts the buffers, in the order of registration.
  virtual void reset(Generator& generator);

  /// The parameters of this module and then of its children, in the order of registration. One that is reached twice is
  /// given once, under its first name.
  NamedVariables named_parameters() const;
  std::vector<Variable> parameters() const;
  NamedVariables named_buffers() const;
  /// The modules below and this one ("" is its name), each before its children.
  std::vector<std::pair<std::string, Module*>> named_modules();
  std::vector<std::pair<std::string, const Module*>> named_modules() const;
  /// Throws ValueError naming what there is, where nothing is called `name`.
  Variable parameter(const std::string& name) const;

  /// Training mode: dropout drops, batch normalization uses and updates statistics of the batch. It is on at first.
  void train(bool on = true);
  void eval() { train(false); }
  /// False also where the module is frozen.
  bool is_training() const { return training_ && !frozen_; }
  /// Whether modules that follow each other may be evaluated together (nn/plan.h), here and in all that is below. On at
  /// first; off gives the reference, from which fused evaluation differs by rounding.
  void set_fused(bool on);
  bool is_fused() const { return fused_; }
  void zero_grad();
  /// Whether the parameters learn. One that does not learn loses its gradient, so an optimizer passes it over.
  void set_requires_grad(bool requires_grad);
  /// Keeps the module as it is: no parameter learns and, whatever train() says, it works as in evaluation, so that
  /// running statistics stay too. freeze(false) lets all parameters learn again.
  void freeze(bool on = true);
  bool is_frozen() const { return frozen_; }
  /// Moves parameters, gradients and floating buffers; buffers of integers are counters that the host reads, and stay.
  void to(Device device);

  // What a module can do or needs beside forward(): it says so of itself, not of those below it.

  /// What draws random numbers in training, as "dropout"; empty where nothing does.
  virtual std::string_view draws() const { return {}; }
  /// The layers that it applies one after the other, null where it is none of such.
  virtual Sequential* layers() { return nullptr; }
  /// The experts, where each is a module of its own; empty where they are stacked, or there are none.
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
  /// Registers a parameter that learns and returns it. `stacked_experts`: for a parameter [E, ...] of stacked experts,
  /// E. Throws ValueError for a name that is empty, has a dot or is taken.
  Variable register_parameter(const std::string& name, Tensor value, int64_t stacked_experts = 0);
  Variable register_buffer(const std::string& name, Tensor value);
  template <class M>
  std::shared_ptr<M> register_module(const std::string& name, std::shared_ptr<M> module) {
    add_child(name, module);
    return module;
  }
  /// Puts another module in the place of a registered one. Throws ValueError where no module has that name.
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

  friend class ModuleTree;
};

/// A module that does the same with the rows of every expert: it is a function of their values.
class Rowwise : public Module {
 public:
  Rows forward(const Rows& x) final {
    return x.map([this](const Variable& values) { return apply(values); });
  }

 protected:
  /// x: the values of the rows, [N, ...]; gives [N, ...].
  virtual Variable apply(const Variable& x) = 0;
};

}  // namespace divvy::nn
