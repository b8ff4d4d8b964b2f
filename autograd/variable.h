#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "tensor/tensor.h"

namespace divvy {

struct Flops;
struct Node;
class Gradients;

struct BackwardOptions {
  /// Keeps what the nodes saved, so that backward() can run again; otherwise it is freed as soon as it has been used.
  bool retain_graph = false;
};

/// A tensor that takes part in automatic differentiation: a value, its gradient once backward() has run, and the node
/// of the graph that computed it. Copies are handles on the same variable.
class Variable {
 public:
  Variable() = default;
  /// A leaf. With `requires_grad`, backward() adds to its gradient; the value must then be f32 or f64.
  explicit Variable(Tensor value, bool requires_grad = false);

  bool defined() const { return impl_ != nullptr; }
  const Tensor& value() const { return impl().value; }
  const Shape& shape() const { return value().shape(); }
  int64_t size(int axis) const { return value().size(axis); }
  DType dtype() const { return value().dtype(); }
  Device device() const { return value().device(); }

  /// The value of a leaf, which an optimizer changes in place or replaces by one of the same shape and type.
  Tensor& mutable_value();
  void set_value(Tensor value);

  /// The accumulated gradient; undefined before the first backward() and after zero_grad().
  const Tensor& grad() const { return impl().grad; }
  Tensor& mutable_grad() { return impl().grad; }
  void zero_grad() { impl().grad = Tensor(); }

  /// Whether operations on this variable are recorded: it is a leaf that requires a gradient, or was computed from one.
  bool requires_grad() const { return impl().requires_grad || impl().node != nullptr; }
  void set_requires_grad(bool requires_grad);
  bool is_leaf() const { return impl().node == nullptr; }
  /// Makes backward() keep the gradient of this variable even if it is not a leaf.
  void retain_grad();
  /// The same value without its history.
  Variable detach() const { return Variable(value()); }

  /// The name used in errors and state dictionaries.
  const std::string& name() const { return impl().name; }
  void set_name(std::string name) { impl().name = std::move(name); }
  /// What errors call a part of a parameter [P, ...] that stacks those of P parts along its leading axis, such as
  /// "expert" in "expert 3"; empty if nothing is stacked. Setting it throws ShapeError for a variable without axes.
  const std::string& part_name() const { return impl().part_name; }
  void set_part_name(std::string name);
  /// P, or 0 if nothing is stacked.
  int64_t parts() const { return part_name().empty() ? 0 : size(0); }

  // These call the functions of the same names, where they are documented: backward() below,
  // autograd/ops/{reduce,reshape,permute}.h.
  void backward(const Tensor& cotangent = {}, const BackwardOptions& options = {}) const;
  Variable sum(const std::vector<int>& axes = {}, bool keepdim = false) const;
  Variable mean(const std::vector<int>& axes = {}, bool keepdim = false) const;
  Variable reshape(const Shape& shape) const;
  Variable reshape(std::initializer_list<int64_t> sizes) const;
  Variable transpose() const;

  bool is(const Variable& other) const { return impl_ == other.impl_; }

 private:
  struct Impl {
    Tensor value;
    Tensor grad;
    bool requires_grad = false;
    std::shared_ptr<Node> node;
    std::string name;
    std::string part_name;
  };
  Impl& impl() const;

  std::shared_ptr<Impl> impl_;

  friend struct Node;
  friend class Engine;
  friend Flops flops(std::initializer_list<Variable>);
  friend Variable record(const char*, Tensor, std::initializer_list<Variable>,
                         std::function<void(const Tensor&, Gradients&)>, const Flops&);
  friend Variable record(const char*, Tensor, const std::vector<Variable>&,
                         std::function<void(const Tensor&, Gradients&)>, const Flops&);
};

/// Adds d<cotangent, root>/d(leaf) to the gradient of every leaf that `root` depends on and that requires one.
/// `cotangent` has the shape of root; for a root with one element (a loss) it may be omitted and is then 1.
///
/// Throws NonFiniteError for a root or a leaf's gradient with a NaN or an infinity, GraphError if the graph was freed
/// or a saved tensor has been changed, ShapeError and DTypeError for a wrong cotangent.
void backward(const Variable& root, const Tensor& cotangent = {}, const BackwardOptions& options = {});

/// While an object of this class lives, operations on its thread are not recorded.
class NoGrad {
 public:
  NoGrad();
  ~NoGrad();
  NoGrad(const NoGrad&) = delete;
  NoGrad& operator=(const NoGrad&) = delete;
  static bool active();

 private:
  bool before_;
};

}  // namespace divvy
