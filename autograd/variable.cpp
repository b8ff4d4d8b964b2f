#include "autograd/variable.h"

#include <atomic>

#include "autograd/node.h"
#include "tensor/error.h"

namespace divvy {

namespace {

thread_local bool no_grad_active = false;
std::atomic<uint64_t> next_node_id{1};

}  // namespace

Variable::Variable(Tensor value, bool requires_grad) : impl_(std::make_shared<Impl>()) {
  if (!value.defined()) fail<ValueError>("a variable needs a defined tensor");
  impl_->value = std::move(value);
  set_requires_grad(requires_grad);
}

Variable::Impl& Variable::impl() const {
  if (!impl_) fail<ValueError>("an undefined variable was used");
  return *impl_;
}

Tensor& Variable::mutable_value() {
  if (!is_leaf())
    fail<GraphError>("only the value of a leaf can be changed; this one was made by {}", impl().node->name);
  return impl().value;
}

void Variable::set_value(Tensor value) {
  Tensor& old = mutable_value();
  if (!value.defined()) fail<ValueError>("set_value: the value is undefined");
  if (value.shape() != old.shape()) fail<ShapeError>("set_value: {} cannot replace {}", value.shape(), old.shape());
  if (value.dtype() != old.dtype()) fail<DTypeError>("set_value: {} cannot replace {}", value.dtype(), old.dtype());
  old = std::move(value);
}

void Variable::set_requires_grad(bool requires_grad) {
  if (!is_leaf()) fail<GraphError>("requires_grad belongs to leaves; detach() a result to cut its history");
  if (requires_grad && dtype() != DType::f32 && dtype() != DType::f64) {
    fail<DTypeError>("only f32 and f64 variables have gradients, got {}", dtype());
  }
  impl().requires_grad = requires_grad;
}

void Variable::set_part_name(std::string name) {
  if (!name.empty() && shape().rank() == 0) {
    fail<ShapeError>("set_part_name: a variable {} has no leading axis that could stack '{}' parts", shape(), name);
  }
  impl().part_name = std::move(name);
}

void Variable::retain_grad() {
  if (!is_leaf()) impl().node->retained = impl_;
}

NoGrad::NoGrad() : before_(no_grad_active) { no_grad_active = true; }
NoGrad::~NoGrad() { no_grad_active = before_; }
bool NoGrad::active() { return no_grad_active; }

const Tensor& Saved::get() const {
  if (tensor_.version() != version_) {
    fail<GraphError>("a tensor {} that was saved for backward has been changed in place since; clone it first",
                     tensor_.shape());
  }
  return tensor_;
}

Tensor& Gradients::operator[](size_t input) {
  if (input >= values_.size()) fail<GraphError>("a gradient for input {} of {} was set", input, values_.size());
  return values_[input];
}

Node::~Node() {
  // The default destructor would recurse once for each node of a long chain; this list releases them one by one.
  std::vector<std::shared_ptr<Node>> pending;
  const auto take_inputs = [&pending](Node& node) {
    node.backward = nullptr;
    for (Edge& edge : node.inputs) {
      if (edge.node) pending.push_back(std::move(edge.node));
    }
  };
  take_inputs(*this);
  while (!pending.empty()) {
    const std::shared_ptr<Node> node = std::move(pending.back());
    pending.pop_back();
    if (node.use_count() == 1) take_inputs(*node);
  }
}

Variable record(const char* name, Tensor value, const std::vector<Variable>& inputs, BackwardFunction backward,
                const Flops& flops) {
  Variable result(std::move(value));
  bool wanted = false;
  for (const Variable& input : inputs) wanted = wanted || (input.defined() && input.requires_grad());
  if (!wanted || no_grad_active) return result;

  auto node = std::make_shared<Node>();
  node->name = name;
  node->id = next_node_id.fetch_add(1, std::memory_order_relaxed);
  node->backward = std::move(backward);
  node->flops = flops;
  node->inputs.reserve(inputs.size());
  for (const Variable& input : inputs) {
    Node::Edge& edge = node->inputs.emplace_back();
    if (!input.defined()) continue;
    edge.shape = input.shape();
    edge.dtype = input.dtype();
    edge.node = input.impl().node;
    if (!edge.node && input.impl().requires_grad) edge.leaf = input.impl_;
  }
  result.impl().node = std::move(node);
  return result;
}

Variable record(const char* name, Tensor value, std::initializer_list<Variable> inputs, BackwardFunction backward,
                const Flops& flops) {
  return record(name, std::move(value), std::vector<Variable>(inputs), std::move(backward), flops);
}

}  // namespace divvy
