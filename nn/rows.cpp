#include "nn/rows.h"

#include "autograd/ops/binary.h"
#include "autograd/ops/rows.h"
#include "autograd/ops/softmax.h"
#include "autograd/ops/unary.h"
#include "tensor/error.h"

namespace divvy::nn {

namespace {

std::string division_text(const Rows& x) {
  return x.divided() ? fmt::format("{} among {} experts", x.source().shape(), x.segments().experts())
                     : fmt::format("{} undivided", x.source().shape());
}

bool divided_alike(const Tensor& a, const Tensor& b) {
  if (!a.defined() || !b.defined()) return a.defined() == b.defined();
  return a.bytes() == b.bytes() && a.shape() == b.shape();
}

using Binary = Variable (*)(const Variable&, const Variable&);

Rows pairwise(const char* op, Binary f, const Rows& a, const Rows& b) {
  if (!divided_alike(a.segments().offsets, b.segments().offsets)) {
    fail<ValueError>("{}: the rows are divided in two ways, {} and {}; use with() for values that belong to rows", op,
                     division_text(a), division_text(b));
  }
  return a.with(f(a.values(), b.values()));
}

}  // namespace

Rows::Rows(Variable batch) : batch_(std::move(batch)) {
  if (!batch_.defined()) fail<ValueError>("rows: the batch is undefined");
}

Rows::Rows(Variable batch, Segments segments) : Rows(std::move(batch)) {
  segments_ = std::move(segments);
  if (!divided() && in_place()) return;
  if (batch_.shape().rank() == 0) fail<ShapeError>("rows: a batch needs axes [rows, ...], got []");
  kernels::check_segments("rows", segments_, segments_.experts(), batch_.size(0), batch_.device());
}

Variable Rows::values() const { return in_place() ? batch_ : gather_rows(batch_, segments_.sample); }

Rows Rows::with(Variable values) const {
  Rows result(std::move(values));
  if (!divided()) return result;
  const Shape& shape = result.batch_.shape();
  if (shape.rank() == 0 || shape[0] != size()) {
    fail<ShapeError>("rows: {} cannot take the place of {} rows", shape, size());
  }
  result.segments_.offsets = segments_.offsets;
  return result;
}

Rows relu(const Rows& x) { return x.with(divvy::relu(x.values())); }
Rows sigmoid(const Rows& x) { return x.with(divvy::sigmoid(x.values())); }
Rows tanh(const Rows& x) { return x.with(divvy::tanh(x.values())); }
Rows gelu(const Rows& x) { return x.with(divvy::gelu(x.values())); }
Rows softplus(const Rows& x) { return x.with(divvy::softplus(x.values())); }
Rows exp(const Rows& x) { return x.with(divvy::exp(x.values())); }
Rows square(const Rows& x) { return x.with(divvy::square(x.values())); }
Rows softmax(const Rows& x, double temperature) { return x.with(divvy::softmax(x.values(), temperature)); }
Rows log_softmax(const Rows& x, double temperature) { return x.with(divvy::log_softmax(x.values(), temperature)); }
Rows operator-(const Rows& x) { return x.with(neg(x.values())); }

Rows operator+(const Rows& a, const Rows& b) { return pairwise("add", add, a, b); }
Rows operator-(const Rows& a, const Rows& b) { return pairwise("sub", sub, a, b); }
Rows operator*(const Rows& a, const Rows& b) { return pairwise("mul", mul, a, b); }
Rows operator/(const Rows& a, const Rows& b) { return pairwise("div", div, a, b); }
Rows operator+(const Rows& a, double b) { return a.with(a.values() + b); }
Rows operator-(const Rows& a, double b) { return a.with(a.values() - b); }
Rows operator*(const Rows& a, double b) { return a.with(a.values() * b); }
Rows operator/(const Rows& a, double b) { return a.with(a.values() / b); }
Rows operator+(double a, const Rows& b) { return b.with(a + b.values()); }
Rows operator-(double a, const Rows& b) { return b.with(a - b.values()); }
Rows operator*(double a, const Rows& b) { return b.with(a * b.values()); }
Rows operator/(double a, const Rows& b) { return b.with(a / b.values()); }

}  // namespace divvy::nn
