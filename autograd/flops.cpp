#include "autograd/flops.h"

#include <unordered_set>
#include <vector>

#include "autograd/node.h"

namespace divvy {

Flops& Flops::operator+=(const Flops& other) {
  forward += other.forward;
  backward += other.backward;
  return *this;
}

Flops flops(std::initializer_list<Variable> roots) {
  Flops sum;
  std::unordered_set<const Node*> seen;
  std::vector<const Node*> pending;
  const auto visit = [&](const Node* node) {
    if (node != nullptr && seen.insert(node).second) pending.push_back(node);
  };
  for (const Variable& root : roots) {
    if (root.defined()) visit(root.impl().node.get());
  }
  while (!pending.empty()) {
    const Node& node = *pending.back();
    pending.pop_back();
    sum += node.flops;
    for (const Node::Edge& edge : node.inputs) visit(edge.node.get());
  }
  return sum;
}

Flops product_flops(int64_t forward, std::initializer_list<Variable> factors) {
  int64_t wanted = 0;
  for (const Variable& factor : factors) wanted += factor.requires_grad() ? 1 : 0;
  return {forward, wanted * forward};
}

}  // namespace divvy
