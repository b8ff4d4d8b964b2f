#include "autograd/ops/combine.h"

#include <utility>

#include "autograd/node.h"
#include "kernels/check.h"
#include "kernels/combine.h"

namespace divvy {

Variable combine(const Variable& rows, const Variable& weights, const Tensor& position) {
  kernels::check::rank("combine", "rows", rows.value(), 2);
  kernels::check::rank("combine", "weights", weights.value(), 2);
  Tensor y = Tensor::empty({weights.size(0), rows.size(1)}, rows.dtype(), rows.device());
  kernels::combine(rows.value(), weights.value(), position, y);
  // Each input is needed for the other's gradient only.
  Saved saved_rows = weights.requires_grad() ? Saved(rows) : Saved();
  Saved saved_weights = rows.requires_grad() ? Saved(weights) : Saved();
  return record("combine", y, {rows, weights},
                [rows = std::move(saved_rows), weights = std::move(saved_weights), position = Saved(position),
                 rows_shape = rows.shape()](const Tensor& dy, Gradients& dx) {
                  if (dx.needs(0)) {
                    dx[0] = Tensor::empty(rows_shape, dy.dtype(), dy.device());
                    kernels::combine_backward_rows(weights.get(), position.get(), dy, dx[0]);
                  }
                  if (dx.needs(1)) {
                    dx[1] = Tensor::empty(position.get().shape(), dy.dtype(), dy.device());
                    kernels::combine_backward_weights(rows.get(), position.get(), dy, dx[1]);
                  }
                });
}

}  // namespace divvy
