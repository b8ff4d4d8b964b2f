#include "moe/training/losses.h"

#include "moe/training/likelihood.h"
#include "nn/loss.h"

namespace divvy::moe {

Registry<LossKind>& losses() {
  static Registry<LossKind> all(
      "loss", {{.name = "cross-entropy",
                .summary = "-ln of the output's probability of the label",
                .with = LossKind::With::labels,
                .value =
                    [](const TermInputs& in) {
                      if (!in.known().labels.defined()) fail<ValueError>("the cross-entropy needs labels");
                      return nn::cross_entropy_from_probabilities(in.forward().output, in.known().labels);
                    }},
               {.name = "likelihood",
                .summary = "-ln of the mixture of the experts' likelihoods (Jacobs et al. 1991)",
                .mixes_outputs = true,
                .value =
                    [](const TermInputs& in) {
                      const Forward& forward = in.forward();
                      return mixture_likelihood_loss(forward.rows, forward.routing, forward.dispatch, in.known());
                    }},
               {.name = "mse",
                .summary = "squared error of the output, for a regression",
                .with = LossKind::With::targets,
                .value =
                    [](const TermInputs& in) {
                      if (!in.known().target.defined()) fail<ValueError>("the squared error needs a target");
                      return nn::mse(in.forward().output, Variable(in.known().target));
                    }},
               {.name = "responsibility",
                .summary = "what the M-step of EM minimizes (Jordan and Jacobs 1994)",
                .mixes_outputs = true,
                .responsibilities = true,
                .value = [](const TermInputs& in) {
                  const Forward& forward = in.forward();
                  return responsibility_loss(forward.rows, forward.routing, forward.dispatch, in.known());
                }}});
  return all;
}

}  // namespace divvy::moe
