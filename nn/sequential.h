#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "nn/module.h"
#include "nn/plan.h"

namespace divvy::nn {

/// Modules applied one after the other, named "0", "1", ... The first reads its rows through their index; those of the
/// others are in place. Without modules it only gathers the rows. Layers that are faster as one operation are evaluated
/// as one (nn/plan.h).
class Sequential : public Module {
 public:
  Sequential() = default;
  explicit Sequential(const std::vector<std::shared_ptr<Module>>& modules) {
    for (const auto& module : modules) push_back(module);
  }

  Rows forward(const Rows& x) override;
  Sequential* layers() override { return this; }
  /// Applies only the modules [begin, end) to x. Throws ValueError for a range out of bounds.
  Rows forward_range(const Rows& x, int64_t begin, int64_t end);
  /// The plan by which such an input is evaluated. Throws like nn::plan().
  Plan plan(const PlanInput& input) const { return nn::plan(modules_, 0, size(), input); }
  /// The last plan of each range that was evaluated, ordered by its first module.
  std::vector<Plan> plans() const override;

  /// Appends a module. Throws ValueError if it is null.
  void push_back(std::shared_ptr<Module> module);
  /// Constructs an M and appends it: net.add<Linear>(LinearOptions{.in = 4, .out = 2}, generator).
  template <class M, class... Args>
  std::shared_ptr<M> add(Args&&... args) {
    auto module = std::make_shared<M>(std::forward<Args>(args)...);
    push_back(module);
    return module;
  }

  int64_t size() const { return static_cast<int64_t>(modules_.size()); }
  /// Throws ValueError out of range.
  const std::shared_ptr<Module>& operator[](int64_t index) const;

 private:
  std::shared_ptr<const Plan> plan_for(const Rows& x, int64_t begin, int64_t end);

  std::vector<std::shared_ptr<Module>> modules_;
  std::map<std::pair<int64_t, int64_t>, std::shared_ptr<const Plan>> plans_;  ///< last plan of each range
  mutable std::mutex plans_mutex_;                                            ///< threads may evaluate the same modules
};

/// sequential(a, b, c): a Sequential of these modules.
template <class... Modules>
std::shared_ptr<Sequential> sequential(std::shared_ptr<Modules>... modules) {
  auto net = std::make_shared<Sequential>();
  (net->push_back(std::move(modules)), ...);
  return net;
}

}  // namespace divvy::nn
