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
  /// Keeps what the nodes saved, so that backward() can run again; otherwise it is freed on the way.
  bool retain_graph = false;
};

/// A tensor that takes part in automatic differentiation: a value, a gradient once backward() has run, and the node of
/// the graph that made it. Copies are handles on the same variable.
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

  /// The value of a leaf, for an optimizer to change in place; or another value of the same shape and type.
  Tensor& mutable_value();
  void set_value(Tensor value);

  /// The accumulated gradient; undefined before the first backward() and after zero_grad().
  const Tensor& grad() const { return impl().grad; }
  Tensor& mutable_grad() { return impl().grad; }
  void zero_grad() { impl().grad = Tensor(); }

  /// Whether an operation on this variable is recorded: it is a leaf that wants a gradient, or was made from one.
  bool requires_grad() const { return impl().requires_grad || impl().node != nullptr; }
  void set_requires_grad(bool requires_grad);
  bool is_leaf() const { return impl().node == nullptr; }
  /// Lets backward() keep the gradient of a variable that is not a leaf, too.
  void retain_grad();
  /// The same value without its history.
  Variable detach() const { return Variable(value()); }

  /// The name that errors and state dictionaries use.
  const std::string& name() const { return impl().name; }
  void set_name(std::string name) { impl().name = std::move(name); }
  /// A parameter [P, ...] may stack those of P parts along its leading axis. Errors name the part by this name, as in
  /// "expert 3"; it is empty where nothing is stacked. Throws ShapeError for a variable without axes.
  const std::string& part_name() const { return impl().part_name; }
  void set_part_name(std::string name);
  /// P, or 0 where nothing is stacked.
  int64_t parts() const { return part_name().empty() ? 0 : size(0); }

  // The functions of the same names, which say what is computed: backward() below,
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

/// Adds d<cotangent, root>/d(leaf) to the gradient of every leaf below `root` that requires one. `cotangent` has the
/// shape of root; it may be left out for a root with one element (a loss) and is 1 then.
///
/// Throws NonFiniteError for a root or a leaf's gradient with a NaN or an infinity, GraphError where the graph was
/// freed or a saved tensor changed since, ShapeError and DTypeError for a wrong cotangent.
void backward(const Variable& root, const Tensor& cotangent = {}, const BackwardOptions& options = {});

/// While one lives, operations on this thread are not recorded.
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
