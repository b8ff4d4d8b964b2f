#include "nn/sequential.h"

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
    const auto plan = plan_for(y, i, end);
    for (const Step& step : plan->steps) y = run(step, modules_, y);
    i = plan->end();
  }
  return y;
}

std::shared_ptr<const Plan> Sequential::plan_for(const Rows& x, int64_t begin, int64_t end) {
  const Variable& batch = x.source();
  const Shape& shape = batch.shape();
  const PlanInput input{shape.rank() == 0 ? shape : shape.with(0, x.size()), batch.dtype(), batch.device(), is_fused()};
  const std::scoped_lock lock(plans_mutex_);
  std::shared_ptr<const Plan>& last = plans_[{begin, end}];
  if (!last || last->input != input) last = std::make_shared<const Plan>(nn::plan(modules_, begin, end, input));
  return last;
}

std::vector<Plan> Sequential::plans() const {
  const std::scoped_lock lock(plans_mutex_);
  std::vector<Plan> all;
  for (const auto& [range, plan] : plans_) all.push_back(*plan);
  return all;
}

void Sequential::push_back(std::shared_ptr<Module> module) {
  plans_.clear();
  modules_.push_back(register_module(std::to_string(modules_.size()), std::move(module)));
}

const std::shared_ptr<Module>& Sequential::operator[](int64_t index) const {
  if (index < 0 || index >= size()) fail<ValueError>("Sequential: no module {}, there are {}", index, size());
  return modules_[static_cast<size_t>(index)];
}

}  // namespace divvy::nn
