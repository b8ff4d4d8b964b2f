#include "autograd/ops/batch_norm.h"

#include "autograd/node.h"
#include "autograd/saved_segments.h"
#include "kernels/check.h"

namespace divvy {

namespace {

/// The parameters of a plain layer, [C], as those of one expert; stacked ones, [E, C], as they are. A view.
Tensor stacked(const char* name, const Tensor& t, bool plain) {
  kernels::check::rank("batch_norm", name, t, plain ? 1 : 2);
  return plain ? t.reshape(Shape{1}.concat(t.shape())) : t;
}

/// A plain layer has nobody's choice to blame for a batch of one: that is a mistake of the caller.
void require_variance(const Tensor& x) {
  if (x.rank() >= 2 && x.numel() > 0 && x.numel() == x.size(1)) {
    fail<ValueError>(
        "batch_norm: training needs more than 1 value per channel, got x {}; use larger batches or evaluation",
        x.shape());
  }
}

}  // namespace

Variable batch_norm(const Variable& x, const Variable& gamma, const Variable& beta, BatchNormStatistics& running,
                    bool training, double momentum, double eps, const Segments& segments) {
  const bool plain = gamma.shape().rank() == 1;
  const Tensor g = stacked("gamma", gamma.value(), plain), b = stacked("beta", beta.value(), plain);
  BatchNormStatistics statistics{stacked("the running mean", running.mean, plain),
                                 stacked("the running variance", running.var, plain)};
  const Segments used = plain ? Segments{{}, segments.sample} : segments;
  if (plain && training) require_variance(x.value());

  kernels::BatchNormResult result{Tensor::empty_like(x.value()), Tensor::empty(g.shape(), DType::f64, x.device()),
                                  Tensor::empty(g.shape(), DType::f64, x.device())};
  kernels::batch_norm(x.value(), g, b, statistics, {training, momentum, eps}, used, result);
  return record("batch_norm", result.y, {x, gamma, beta},
                [x = Saved(x), gamma = Saved(g), mean = Saved(result.mean), inverse_std = Saved(result.inverse_std),
                 segments = SavedSegments(used), training, plain](const Tensor& dy, Gradients& dx) {
                  const Tensor& value = x.get();
                  const Tensor& g = gamma.get();
                  kernels::BatchNormGradients gradients;
                  if (dx.needs(0)) gradients.dx = Tensor::empty_like(value);
                  if (dx.needs(1)) gradients.dgamma = Tensor::empty_like(g);
                  if (dx.needs(2)) gradients.dbeta = Tensor::empty_like(g);
                  kernels::batch_norm_backward(value, g, {{}, mean.get(), inverse_std.get()}, dy, training,
                                               segments.get(), gradients);
                  const auto unstacked = [&](const Tensor& t) { return plain && t.defined() ? t[0] : t; };
                  dx[0] = gradients.dx;
                  dx[1] = unstacked(gradients.dgamma);
                  dx[2] = unstacked(gradients.dbeta);
                });
}

}  // namespace divvy
