#include "nn/sequential.h"

#include "nn/fused_stack.h"
#include "tensor/error.h"

namespace divvy::nn {

Rows Sequential::forward(const Rows& x) { return forward_range(x, 0, size()); }

Rows Sequential::forward_range(const Rows& x, int64_t begin, int64_t end) {
  if (begin < 0 || end < begin || end > size()) {
    fail<ValueError>("Sequential: no modules [{}, {}), there are {}", begin, end, size());
  }
  if (begin == end) return x.with(x.values());
  Rows y = x;
  for (int64_t i = begin; i < end;) {
    Variable fused;
    const int64_t next = forward_fused(modules_, i, end, y, fused);
    y = next == i ? (*this)[i]->forward(y) : y.with(fused);
    i = next == i ? i + 1 : next;
  }
  return y;
}

void Sequential::push_back(std::shared_ptr<Module> module) {
  modules_.push_back(register_module(std::to_string(modules_.size()), std::move(module)));
}

const std::shared_ptr<Module>& Sequential::operator[](int64_t index) const {
  if (index < 0 || index >= size()) fail<ValueError>("Sequential: no module {}, there are {}", index, size());
  return modules_[static_cast<size_t>(index)];
}

}  // namespace divvy::nn
