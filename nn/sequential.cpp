#include "nn/sequential.h"

#include "nn/read_rows.h"
#include "tensor/error.h"

namespace divvy::nn {

Variable Sequential::forward(const Variable& x, const Segments& segments) {
  if (modules_.empty()) return read_rows(x, segments);
  Variable y = modules_.front()->forward(x, segments);
  const Segments in_place{segments.offsets, {}};
  for (size_t i = 1; i < modules_.size(); ++i) y = modules_[i]->forward(y, in_place);
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
