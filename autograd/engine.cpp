#include <optional>
#include <queue>
#include <string>
#include <unordered_map>
#include <utility>

#include "autograd/finite_watch.h"
#include "autograd/node.h"
#include "autograd/variable.h"
#include "kernels/accumulate.h"
#include "kernels/fill.h"
#include "kernels/finite.h"
#include "tensor/error.h"

namespace divvy {

namespace {

/// A gradient being accumulated. The first contribution may be a tensor that others hold too; it is then copied before
/// anything is added to it.
struct Sum {
  Tensor value;

  void add(const Tensor& gradient) {
    if (!value.defined()) {
      value = gradient;
      return;
    }
    if (!value.is_unique()) value = value.clone();
    kernels::accumulate(gradient, value);
  }

  /// The sum, in memory with no other owner, because users change gradients in place.
  Tensor take() { return value.is_unique() ? std::move(value) : value.clone(); }
};

}  // namespace

/// One run of backward(). Nodes are visited in reverse order of creation: a node that uses a value was created after
/// the node that computed it, so a node's gradient is complete when it is visited, and no recursion is needed.
class Engine {
 public:
  Engine(const BackwardOptions& options, FiniteWatch* watch) : options_(options), watch_(watch) {}

  void run(const Variable& root, const Tensor& cotangent) {
    // On a GPU each check is a synchronization, so the loss is checked with the gradients at the end.
    if (root.device().is_cpu() && watch_ == nullptr) require_finite_root(root, kernels::first_non_finite(root.value()));
    const Tensor seed = cotangent.defined() ? cotangent : kernels::filled(root.shape(), 1, root.dtype(), root.device());
    if (const auto& node = root.impl().node) {
      accumulate(node, seed);
    } else {
      accumulate_leaf(root.impl_, seed);
    }
    while (!order_.empty()) {
      const std::shared_ptr<Node> node = order_.top();
      order_.pop();
      const auto found = sums_.find(node.get());
      const Tensor gradient = std::move(found->second.value);
      sums_.erase(found);
      visit(*node, gradient);
    }
    finish_leaves(root);
  }

 private:
  using LeafPtr = std::shared_ptr<Variable::Impl>;
  struct Older {
    bool operator()(const std::shared_ptr<Node>& a, const std::shared_ptr<Node>& b) const { return a->id < b->id; }
  };

  static std::string name_of(const Variable::Impl& variable) {
    return variable.name.empty() ? "an unnamed variable" : variable.name;
  }

  static std::string name_of_root(const Variable& root) {
    const auto& node = root.impl().node;
    return node && root.name().empty() ? node->name : name_of(root.impl());
  }
  /// `at` is the index of the first element that is not finite, or -1.
  static void require_finite_root(const Variable& root, int64_t at) {
    if (at >= 0) throw NonFiniteError("loss", name_of_root(root));
  }

  void accumulate(const std::shared_ptr<Node>& node, const Tensor& gradient) {
    auto [found, first] = sums_.try_emplace(node.get());
    if (first) order_.push(node);
    found->second.add(gradient);
  }

  void accumulate_leaf(const LeafPtr& leaf, const Tensor& gradient) {
    auto [found, first] = leaf_index_.try_emplace(leaf.get(), leaves_.size());
    if (first) leaves_.emplace_back(leaf, Sum());
    leaves_[found->second].second.add(gradient);
  }

  void visit(Node& node, const Tensor& gradient) {
    if (const auto output = node.retained.lock()) {
      add_to_grad(*output, Sum{gradient});
    }
    std::vector<bool> needed;
    for (const Node::Edge& edge : node.inputs) needed.push_back(edge.needed());
    Gradients gradients(std::move(needed));
    call(node, gradient, gradients);
    for (size_t i = 0; i < node.inputs.size(); ++i) {
      const Node::Edge& edge = node.inputs[i];
      const Tensor& value = gradients[i];
      if (!edge.needed() || !value.defined()) continue;
      if (value.shape() != edge.shape || value.dtype() != edge.dtype) {
        fail<GraphError>("{}: the gradient of input {} is {} {}, the input is {} {}", node.name, i, value.dtype(),
                         value.shape(), edge.dtype, edge.shape);
      }
      if (edge.node) {
        accumulate(edge.node, value);
      } else {
        accumulate_leaf(edge.leaf, value);
      }
    }
    if (!options_.retain_graph) {
      node.backward = nullptr;
      node.released = true;
    }
  }

  static void call(const Node& node, const Tensor& gradient, Gradients& gradients) {
    if (node.released) {
      fail<GraphError>("{}: backward has run through this graph and freed it; set retain_graph to run it again",
                       node.name);
    }
    if (!node.backward) fail<GraphError>("{}: this operation has no gradient rule", node.name);
    const uint64_t version = gradient.version();
    try {
      node.backward(gradient, gradients);
    } catch (const GraphError& error) {
      fail<GraphError>("{}: {}", node.name, error.what());
    }
    if (gradient.version() != version) {
      fail<GraphError>("{}: the gradient rule wrote to dy, which other operations may hold", node.name);
    }
  }

  void finish_leaves(const Variable& root) {
    if (watch_ == nullptr) {
      require_finite_leaves(root);
    } else {
      watch_leaves(root);
    }
    for (auto& [leaf, sum] : leaves_) add_to_grad(*leaf, std::move(sum));
  }

  /// Checks all leaves at once, since each check of a GPU is a synchronization.
  void require_finite_leaves(const Variable& root) const {
    std::vector<Tensor> values;
    for (const auto& [leaf, sum] : leaves_) values.push_back(sum.value);
    if (!root.device().is_cpu()) values.push_back(root.value());
    const auto at = kernels::first_non_finites(values);
    if (!root.device().is_cpu()) require_finite_root(root, at.back());
    for (size_t i = 0; i < leaves_.size(); ++i) require_finite_gradient(*leaves_[i].first, at[i]);
  }

  void watch_leaves(const Variable& root) const {
    std::vector<Tensor> values{root.value()};
    std::vector<FiniteWatch::Subject> subjects{{"loss", name_of_root(root)}};
    for (const auto& [leaf, sum] : leaves_) {
      values.push_back(sum.value);
      subjects.push_back({"gradient", name_of(*leaf), leaf->part_name, elements_of_part(*leaf)});
    }
    watch_->look(values, subjects, true);
  }

  /// The number of elements of a part of a stacked parameter, else 0.
  static int64_t elements_of_part(const Variable::Impl& leaf) {
    return leaf.part_name.empty() ? 0 : leaf.value.shape().range(1).numel();
  }

  static void add_to_grad(Variable::Impl& variable, Sum&& sum) {
    if (variable.grad.defined()) {
      kernels::accumulate(sum.value, variable.grad);
    } else {
      variable.grad = sum.take();
    }
  }

  static void require_finite_gradient(const Variable::Impl& leaf, int64_t at) {
    if (at < 0) return;
    std::optional<NonFiniteError::Part> part;
    if (!leaf.part_name.empty()) part = {leaf.part_name, at / elements_of_part(leaf)};
    throw NonFiniteError("gradient", name_of(leaf), part);
  }

  BackwardOptions options_;
  FiniteWatch* watch_;
  std::priority_queue<std::shared_ptr<Node>, std::vector<std::shared_ptr<Node>>, Older> order_;
  std::unordered_map<const Node*, Sum> sums_;
  std::vector<std::pair<LeafPtr, Sum>> leaves_;  // in order of first arrival, so that errors are deterministic
  std::unordered_map<const Variable::Impl*, size_t> leaf_index_;
};

namespace {

/// The checks that both overloads of backward() share.
void require_root(const Variable& root, const Tensor& cotangent) {
  if (!root.requires_grad()) fail<GraphError>("backward: nothing that made this variable requires a gradient");
  if (cotangent.defined()) {
    if (cotangent.shape() != root.shape()) {
      fail<ShapeError>("backward: the cotangent is {}, the root is {}", cotangent.shape(), root.shape());
    }
    if (cotangent.dtype() != root.dtype()) {
      fail<DTypeError>("backward: the cotangent is {}, the root is {}", cotangent.dtype(), root.dtype());
    }
    if (cotangent.device() != root.device()) {
      fail<DeviceError>("backward: the cotangent is on {}, the root is on {}", cotangent.device(), root.device());
    }
  } else if (root.value().numel() != 1) {
    fail<ShapeError>("backward: a root {} needs a cotangent", root.shape());
  }
}

}  // namespace

void backward(const Variable& root, const Tensor& cotangent, const BackwardOptions& options) {
  require_root(root, cotangent);
  Engine(options, nullptr).run(root, cotangent);
}

void backward(const Variable& root, FiniteWatch& watch) {
  require_root(root, {});
  if (root.device() != watch.device()) {
    fail<DeviceError>("backward: the watch is on {}, the root is on {}", watch.device(), root.device());
  }
  Engine({}, &watch).run(root, {});
}

void Variable::backward(const Tensor& cotangent, const BackwardOptions& options) const {
  divvy::backward(*this, cotangent, options);
}

}  // namespace divvy
