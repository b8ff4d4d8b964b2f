#include "moe/model/experts.h"

#include "autograd/ops/rows.h"
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
  // Views need sizes that the host knows: of segments on a device they are copied, and waited for.
  const Tensor sizes = segments.offsets.to(Device::cpu());
  const auto values = sizes.values<int64_t>();
  const std::vector<int64_t> offsets(values.begin(), values.end());
  std::vector<Variable> parts;
  // Experts that read from the batch each make a gradient of its size. Where it is wanted and they read little of it,
  // their rows are gathered first.
  const bool gathered = segments.sample.defined() && x.requires_grad() && segments.sample.numel() < size() * x.size(0);
  if (segments.sample.defined() && !gathered) {
    for (size_t e = 0; e < experts_.size(); ++e) {
      const Tensor sample = segments.sample.slice(offsets[e], offsets[e + 1]);
      parts.push_back(experts_[e]->forward(x, {.offsets = {}, .sample = sample}));
    }
  } else {
    const auto rows = split(gathered ? gather_rows(x, segments.sample) : x, offsets);
    for (size_t e = 0; e < experts_.size(); ++e) parts.push_back(experts_[e]->forward(rows[e], {}));
  }
  return concat(parts, 0);
}

const std::shared_ptr<nn::Module>& ExpertList::operator[](int64_t expert) const {
  if (expert < 0 || expert >= size()) fail<ValueError>("no expert {}, there are {}", expert, size());
  return experts_[static_cast<size_t>(expert)];
}

}  // namespace divvy::moe
