#include "moe/training/expectation.h"

#include "autograd/ops/concat.h"
#include "autograd/ops/reduce.h"
#include "autograd/ops/rows.h"
#include "autograd/ops/softmax.h"
#include "datasets/loader.h"
#include "moe/model/device.h"
#include "moe/training/likelihood.h"
#include "tensor/error.h"

namespace divvy::moe {

namespace {

Tensor rows_at(const Tensor& x, const Tensor& index) { return gather_rows(Variable(x), index.to(x.device())).value(); }

}  // namespace

void Expectation::fill(Supervision& supervision, const Tensor& index) const {
  if (responsibilities.defined()) supervision.responsibilities = rows_at(responsibilities, index);
  if (experts.defined()) supervision.experts = rows_at(experts, index);
}

Expectation expectation_step(Model& model, const data::Dataset& dataset, const Stage& stage, int64_t batch,
                             Generator& generator) {
  if (stage.e_step == EStep::none) fail<ValueError>("stage '{}' has no E-step", stage.name);
  const NoGrad no_grad;
  const bool was_training = model.is_training();
  model.eval();
  RoutingOptions all = stage.routing;
  all.rule = Rule::all;
  std::vector<Variable> parts;
  data::Loader loader(dataset, {.batch = batch, .device = device_of(model)});
  while (const auto part = loader.next()) {
    Supervision known(part->y);
    known.target = part->target;
    const Forward forward = model.run(Variable(part->x), all, generator, known);
    const Variable log_likelihood =
        by_sample(row_log_likelihood(forward.rows, forward.dispatch, known), forward.dispatch);
    parts.push_back(stage.joint(forward.routing.probabilities, log_likelihood));
  }
  model.train(was_training);

  Variable joint = concat(parts, 0);
  if (stage.e_step_transform != nullptr) joint = stage.e_step_transform(joint, generator);
  Expectation result;
  if (stage.e_step == EStep::soft) {
    result.responsibilities = softmax(joint).value();
  } else {
    result.experts = argmax(joint, 1).reshape({joint.size(0), 1});
  }
  return result;
}

}  // namespace divvy::moe
