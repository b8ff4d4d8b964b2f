#include "autograd/ops/grouped_matmul.h"

#include "autograd/node.h"
#include "autograd/saved_segments.h"
#include "kernels/grouped_matmul.h"
#include "tensor/error.h"

namespace divvy {

namespace {

/// The parameters of a plain layer as those of one expert; stacked ones as they are.
Tensor stacked(const char* name, const Variable& parameter, bool plain, int rank) {
  if (!parameter.defined()) return {};
  const Tensor& value = parameter.value();
  if (value.rank() != rank - (plain ? 1 : 0)) {
    fail<ShapeError>("grouped_matmul: {} must have rank {}, got {}", name, rank - (plain ? 1 : 0), value.shape());
  }
  return plain ? value.reshape(Shape{1}.concat(value.shape())) : value;
}

}  // namespace

Variable grouped_matmul(const Variable& x, const Variable& weight, const Variable& bias, const Segments& segments,
                        Precision precision) {
  if (weight.shape().rank() != 2 && weight.shape().rank() != 3) {
    fail<ShapeError>("grouped_matmul: weight must be [O, I] or [E, O, I], got {}", weight.shape());
  }
  const bool plain = weight.shape().rank() == 2;
  const Tensor w = stacked("weight", weight, plain, 3), b = stacked("bias", bias, plain, 2);
  const Segments used = plain ? Segments{{}, segments.sample} : segments;
  if (x.shape().rank() != 2) fail<ShapeError>("grouped_matmul: x must have rank 2, got {}", x.shape());

  Tensor y = Tensor::empty({used.rows(x.size(0)), w.size(1)}, x.dtype(), x.device());
  kernels::grouped_matmul(x.value(), w, b, used, y, precision);
  const Saved saved_x(weight.requires_grad() ? x.value() : Tensor()), saved_w(x.requires_grad() ? w : Tensor());
  return record(
      "grouped_matmul", y, {x, weight, bias},
      [saved_x, saved_w, segments = SavedSegments(used), x_shape = x.shape(), w_shape = w.shape(), plain, precision](
          const Tensor& dy, Gradients& dx) {
        const Segments s = segments.get();
        if (dx.needs(0)) {
          dx[0] = Tensor::empty(x_shape, dy.dtype(), dy.device());
          kernels::grouped_matmul_backward_input(dy, saved_w.get(), s, dx[0], precision);
        }
        if (dx.needs(1)) {
          Tensor dw = Tensor::empty(w_shape, dy.dtype(), dy.device());
          kernels::grouped_matmul_backward_weight(saved_x.get(), dy, s, dw, precision);
          dx[1] = plain ? dw[0] : dw;
        }
        if (dx.needs(2)) {
          Tensor db = Tensor::empty(w_shape.range(0, 2), dy.dtype(), dy.device());
          kernels::grouped_matmul_backward_bias(dy, s, db);
          dx[2] = plain ? db[0] : db;
        }
      },
      product_flops(2 * y.numel() * x.size(1), {x, weight}));
}

}  // namespace divvy
