#include "moe/experts.h"

#include "autograd/ops/shape.h"
#include "tensor/error.h"

namespace divvy::moe {

ExpertList::ExpertList(std::vector<std::shared_ptr<nn::Module>> experts) : experts_(std::move(experts)) {
  if (experts_.empty()) fail<ValueError>("a list of experts must not be empty");
  for (size_t e = 0; e < experts_.size(); ++e) register_module(std::to_string(e), experts_[e]);
}

Variable ExpertList::forward(const Variable& x, const Segments& segments) {
  kernels::check_segments("experts", segments, size(), x.size(0), x.device());
  if (!segments.grouped()) return experts_.front()->forward(x, segments);
  const auto offsets = segments.offsets.values<int64_t>();
  std::vector<Variable> parts;
  for (size_t e = 0; e < experts_.size(); ++e) {
    const int64_t begin = offsets[e], end = offsets[e + 1];
    if (segments.sample.defined()) {
      parts.push_back(experts_[e]->forward(x, {.offsets = {}, .sample = segments.sample.slice(begin, end)}));
    } else {
      parts.push_back(experts_[e]->forward(slice(x, begin, end), {}));
    }
  }
  return concat(parts, 0);
}

const std::shared_ptr<nn::Module>& ExpertList::operator[](int64_t expert) const {
  if (expert < 0 || expert >= size()) fail<ValueError>("no expert {}, there are {}", expert, size());
  return experts_[static_cast<size_t>(expert)];
}

}  // namespace divvy::moe
