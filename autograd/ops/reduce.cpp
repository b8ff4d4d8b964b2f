#include "autograd/ops/reduce.h"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <utility>

#include "autograd/node.h"
#include "autograd/ops/permute.h"
#include "kernels/check.h"
#include "kernels/reduce.h"
#include "tensor/error.h"

namespace divvy {

namespace {

/// A reduction as the kernels take it: x, seen as [outer, reduce, inner], to [outer, inner], which is `result` in
/// shape.
struct Reduction {
  Variable x;
  Shape packed;
  Shape result;

  Tensor input() const { return x.value().reshape(packed); }
  Shape reduced() const { return {packed[0], packed[2]}; }
  Tensor empty_result() const { return Tensor::empty(reduced(), x.dtype(), x.device()); }
};

std::vector<bool> reduced_axes(const char* op, const Shape& shape, const std::vector<int>& axes) {
  std::vector<bool> reduced(static_cast<size_t>(shape.rank()), axes.empty());
  for (int axis : axes) {
    kernels::check::axis(op, shape, axis);
    auto at = reduced.begin() + shape.normalize_axis(axis);
    if (*at) fail<ShapeError>("{}: axis {} of shape {} is given twice", op, axis, shape);
    *at = true;
  }
  return reduced;
}

/// The sizes [outer, reduce, inner] where the reduced axes lie together; axes of size 1 may lie between. Otherwise
/// nothing.
std::optional<Shape> pack(const Shape& shape, const std::vector<bool>& reduced) {
  std::array<int64_t, 3> sizes{1, 1, 1};
  size_t part = 0;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    const bool inside = part == 1;
    if (reduced[static_cast<size_t>(axis)] != inside) ++part;
    if (part > 2) return std::nullopt;
    sizes[part] *= shape[axis];
  }
  return Shape(std::span<const int64_t>(sizes));
}

Reduction reduction(const char* op, const Variable& x, const std::vector<int>& axes, bool keepdim) {
  kernels::check::floating(op, "x", x.value());
  const Shape& shape = x.shape();
  const std::vector<bool> reduced = reduced_axes(op, shape, axes);
  std::vector<int64_t> result;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    const bool gone = reduced[static_cast<size_t>(axis)];
    if (!gone || keepdim) result.push_back(gone ? 1 : shape[axis]);
  }
  if (const auto packed = pack(shape, reduced)) return {x, *packed, Shape(std::span<const int64_t>(result))};
  // Axes that lie apart are brought together at the end.
  std::vector<int> order;
  std::array<int64_t, 3> sizes{1, 1, 1};
  for (const bool last : {false, true}) {
    for (int axis = 0; axis < shape.rank(); ++axis) {
      if (reduced[static_cast<size_t>(axis)] != last) continue;
      order.push_back(axis);
      sizes[last ? 1 : 0] *= shape[axis];
    }
  }
  return {permute(x, order), Shape(std::span<const int64_t>(sizes)), Shape(std::span<const int64_t>(result))};
}

/// Records the result y [outer, inner]; gradient(dy [outer, inner], dx [outer, reduce, inner]) fills dx.
template <class F>
Variable record_reduction(const char* name, const Reduction& r, const Tensor& y, F gradient) {
  return record(name, y.reshape(r.result), {r.x},
                [packed = r.packed, reduced = r.reduced(), shape = r.x.shape(), gradient = std::move(gradient)](
                    const Tensor& dy, Gradients& dx) {
                  Tensor packed_dx = Tensor::empty(packed, dy.dtype(), dy.device());
                  gradient(dy.reshape(reduced), packed_dx);
                  dx[0] = packed_dx.reshape(shape);
                });
}

Variable sum_divided(const char* name, const Variable& x, const std::vector<int>& axes, bool keepdim, bool by_count) {
  const Reduction r = reduction(name, x, axes, keepdim);
  const double divisor = by_count ? static_cast<double>(r.packed[1]) : 1;
  Tensor y = r.empty_result();
  kernels::reduce_sum(r.input(), divisor, y);
  return record_reduction(name, r, y,
                          [divisor](const Tensor& dy, Tensor& dx) { kernels::reduce_sum_backward(dy, divisor, dx); });
}

}  // namespace

Variable sum(const Variable& x, const std::vector<int>& axes, bool keepdim) {
  return sum_divided("sum", x, axes, keepdim, false);
}

Variable mean(const Variable& x, const std::vector<int>& axes, bool keepdim) {
  return sum_divided("mean", x, axes, keepdim, true);
}

Variable max(const Variable& x, const std::vector<int>& axes, bool keepdim) {
  const Reduction r = reduction("max", x, axes, keepdim);
  Tensor y = r.empty_result();
  kernels::reduce_max(r.input(), y);
  return record_reduction("max", r, y, [x = Saved(r.input()), y = Saved(y)](const Tensor& dy, Tensor& dx) {
    kernels::reduce_max_backward(x.get(), y.get(), dy, dx);
  });
}

Variable logsumexp(const Variable& x, const std::vector<int>& axes, bool keepdim) {
  const Reduction r = reduction("logsumexp", x, axes, keepdim);
  Tensor y = r.empty_result();
  kernels::reduce_logsumexp(r.input(), y);
  return record_reduction("logsumexp", r, y, [x = Saved(r.input()), y = Saved(y)](const Tensor& dy, Tensor& dx) {
    kernels::reduce_logsumexp_backward(x.get(), y.get(), dy, dx);
  });
}

Variable var(const Variable& x, const std::vector<int>& axes, bool unbiased, bool keepdim) {
  const Reduction r = reduction("var", x, axes, keepdim);
  const int64_t correction = unbiased ? 1 : 0;
  Tensor mean = r.empty_result(), y = r.empty_result();
  kernels::reduce_var(r.input(), correction, mean, y);
  return record_reduction("var", r, y, [=, x = Saved(r.input()), mean = Saved(mean)](const Tensor& dy, Tensor& dx) {
    kernels::reduce_var_backward(x.get(), mean.get(), correction, dy, dx);
  });
}

Tensor argmax(const Variable& x, int axis) {
  const NoGrad no_grad;
  const Reduction r = reduction("argmax", x, {axis}, false);
  Tensor y = Tensor::empty(r.reduced(), DType::i64, x.device());
  kernels::reduce_argmax(r.input(), y);
  return y.reshape(r.result);
}

Variable Variable::sum(const std::vector<int>& axes, bool keepdim) const { return divvy::sum(*this, axes, keepdim); }
Variable Variable::mean(const std::vector<int>& axes, bool keepdim) const { return divvy::mean(*this, axes, keepdim); }

}  // namespace divvy
