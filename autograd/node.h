#pragma once

#include <functional>
#include <initializer_list>
#include <memory>
#include <vector>

#include "autograd/flops.h"
#include "autograd/variable.h"

/// What a differentiable operation is built from. It computes its value with kernels and ends with
///
///     return record("softmax", y, {x}, [y = Saved(y), temperature](const Tensor& dy, Gradients& dx) {
///       dx[0] = Tensor::empty_like(dy);
///       kernels::softmax_backward(y.get(), dy, temperature, dx[0]);
///     });
namespace divvy {

/// A tensor kept for backward. get() throws GraphError if its memory has been written to since.
class Saved {
 public:
  Saved() = default;
  explicit Saved(Tensor tensor) : tensor_(std::move(tensor)), version_(tensor_.version()) {}
  explicit Saved(const Variable& variable) : Saved(variable.defined() ? variable.value() : Tensor()) {}
  const Tensor& get() const;

 private:
  Tensor tensor_;
  uint64_t version_ = 0;
};

/// The gradients that a backward function returns, one for each input of its operation. It sets those that are needed;
/// an unset one counts as zero. It must not write to `dy`, which other nodes may hold.
class Gradients {
 public:
  explicit Gradients(std::vector<bool> needed) : needed_(std::move(needed)), values_(needed_.size()) {}
  bool needs(size_t input) const { return needed_.at(input); }
  /// Throws GraphError for an input that the operation does not have.
  Tensor& operator[](size_t input);
  size_t size() const { return values_.size(); }

 private:
  std::vector<bool> needed_;
  std::vector<Tensor> values_;
};

using BackwardFunction = std::function<void(const Tensor& dy, Gradients& dx)>;

/// One recorded operation. It has edges to the nodes or leaves of its inputs, but does not hold the inputs' values.
struct Node {
  struct Edge {
    std::shared_ptr<Node> node;            ///< the operation that computed the input,
    std::shared_ptr<Variable::Impl> leaf;  ///< or the input if it is a leaf; both null if no gradient is needed
    Shape shape;
    DType dtype = DType::f32;
    bool needed() const { return node != nullptr || leaf != nullptr; }
  };

  Node() = default;
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  const char* name = "";
  uint64_t id = 0;  ///< in order of creation, so that every node comes after the nodes of its inputs
  std::vector<Edge> inputs;
  BackwardFunction backward;
  Flops flops;
  bool released = false;                   ///< backward has run and freed what was saved
  std::weak_ptr<Variable::Impl> retained;  ///< the output, if its gradient is to be kept
};

/// Wraps the value of an operation. The operation is recorded if an input requires a gradient and no NoGrad is active;
/// otherwise `backward` and what it saved are dropped. An undefined input stands for an optional one that is absent. An
/// operation without a gradient passes nullptr; reaching it in backward() is an error that names it. `flops`: what its
/// products take, for flops().
Variable record(const char* name, Tensor value, std::initializer_list<Variable> inputs, BackwardFunction backward,
                const Flops& flops = {});
Variable record(const char* name, Tensor value, const std::vector<Variable>& inputs, BackwardFunction backward,
                const Flops& flops = {});

}  // namespace divvy
