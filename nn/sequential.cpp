#include "nn/sequential.h"

#include "nn/fused_stack.h"
#include "nn/read_rows.h"
#include "tensor/error.h"

namespace divvy::nn {

Variable Sequential::forward(const Variable& x, const Segments& segments) {
  return forward_range(x, segments, 0, size());
}

Variable Sequential::forward_range(const Variable& x, const Segments& segments, int64_t begin, int64_t end) {
  if (begin < 0 || end < begin || end > size()) {
    fail<ValueError>("Sequential: no modules [{}, {}), there are {}", begin, end, size());
  }
  if (begin == end) return read_rows(x, segments);
  Variable y = x;
  Segments rows = segments;
  for (int64_t i = begin; i < end;) {
    const int64_t next = forward_fused(modules_, i, end, y, rows, y);
    if (next == i) y = (*this)[i]->forward(y, rows);
    i = next == i ? i + 1 : next;
    rows.sample = {};
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
