#include "moe/model/experts.h"

#include "autograd/ops/shape.h"
#include "tensor/error.h"

namespace divvy::moe {

ExpertList::ExpertList(std::vector<std::shared_ptr<nn::Module>> experts) : experts_(std::move(experts)) {
  if (experts_.empty()) fail<ValueError>("a list of experts must not be empty");
  for (size_t e = 0; e < experts_.size(); ++e) register_module(std::to_string(e), experts_[e]);
}

nn::Rows ExpertList::forward(const nn::Rows& x) {
  const auto& [offsets_of_experts, sample] = x.segments();
  const Variable& batch = x.source();
  kernels::check_segments("experts", x.segments(), size(), batch.size(0), batch.device());
  if (!x.divided()) return experts_.front()->forward(x);
  // The host needs the offsets to make views; on a GPU it waits for them.
  const Tensor on_host = offsets_of_experts.to(Device::cpu());
  const auto values = on_host.values<int64_t>();
  const std::vector<int64_t> offsets(values.begin(), values.end());
  std::vector<Variable> parts;
  // Each expert that reads the batch through an index computes a gradient of the batch's size. If that gradient is
  // needed and experts read only a part of the batch, gathering their rows first is cheaper.
  const bool gather = x.in_place() || (batch.requires_grad() && x.size() < size() * batch.size(0));
  if (gather) {
    const auto rows = split(x.values(), offsets);
    for (size_t e = 0; e < experts_.size(); ++e) parts.push_back((*experts_[e])(rows[e]));
  } else {
    for (size_t e = 0; e < experts_.size(); ++e) {
      const nn::Rows own(batch, {.offsets = {}, .sample = sample.slice(offsets[e], offsets[e + 1])});
      parts.push_back(experts_[e]->forward(own).values());
    }
  }
  return x.with(concat(parts, 0));
}

const std::shared_ptr<nn::Module>& ExpertList::operator[](int64_t expert) const {
  if (expert < 0 || expert >= size()) fail<ValueError>("no expert {}, there are {}", expert, size());
  return experts_[static_cast<size_t>(expert)];
}

}  // namespace divvy::moe
