#pragma once

#include "autograd/variable.h"
#include "kernels/segments.h"

namespace divvy::nn {

/// The rows that a module works on: a batch, how its rows are divided among stacked experts, and from where each is
/// read.
///
/// A dispatch refers to samples of the batch instead of copying them to every expert that takes them. An operation that
/// reads through an index takes source() and segments(); any other takes values(), which gathers them. What either
/// computes is in place: row i of it belongs to row i. with() makes rows of that, which no longer refer to the batch,
/// so that rows cannot be gathered twice.
///
///     x.with(grouped_matmul(x.source(), weight, bias, x.segments()))
///     x.with(cumulated(x.values()))
class Rows {
 public:
  /// All rows of a batch, undivided. Throws ValueError for an undefined variable.
  Rows(Variable batch);  // NOLINT(google-explicit-constructor): layers are called with a batch, as they are written
  /// Row i belongs to the expert whose segment it is in and is row segments.sample[i] of `batch` [R, ...], or row i
  /// where there is no sample. Throws as kernels::check_segments().
  Rows(Variable batch, Segments segments);

  /// The values of the rows [N, ...], one after the other.
  Variable values() const;
  /// These values in the place of the rows, divided as they are. Throws ShapeError unless there is one for each row;
  /// rows that are not divided may become anything.
  Rows with(Variable values) const;
  /// f(values()) in the place of the rows, for a function from Variable to Variable.
  template <class F>
  Rows map(const F& f) const {
    return with(f(values()));
  }

  /// N
  int64_t size() const { return segments_.rows(batch_.size(0)); }
  bool divided() const { return segments_.grouped(); }
  /// Whether values() are the source, so that nothing is left to be gathered.
  bool in_place() const { return !segments_.sample.defined(); }
  /// What segments() refer to, [R, ...].
  const Variable& source() const { return batch_; }
  const Segments& segments() const { return segments_; }

 private:
  Variable batch_;
  Segments segments_;
};

// Functions of the values of the rows, as in autograd/ops/{unary,softmax,binary}.h; any other one goes through map().

Rows relu(const Rows& x);
Rows sigmoid(const Rows& x);
Rows tanh(const Rows& x);
Rows gelu(const Rows& x);
Rows softplus(const Rows& x);
Rows exp(const Rows& x);
Rows square(const Rows& x);
Rows softmax(const Rows& x, double temperature = 1);
Rows log_softmax(const Rows& x, double temperature = 1);
Rows operator-(const Rows& x);

// Both operands must be divided alike, which is to say by the same tensor of offsets; else ValueError. A parameter that
// all rows share is no rows: x.map([&](const Variable& v) { return v * scale; }).

Rows operator+(const Rows& a, const Rows& b);
Rows operator-(const Rows& a, const Rows& b);
Rows operator*(const Rows& a, const Rows& b);
Rows operator/(const Rows& a, const Rows& b);
Rows operator+(const Rows& a, double b);
Rows operator-(const Rows& a, double b);
Rows operator*(const Rows& a, double b);
Rows operator/(const Rows& a, double b);
Rows operator+(double a, const Rows& b);
Rows operator-(double a, const Rows& b);
Rows operator*(double a, const Rows& b);
Rows operator/(double a, const Rows& b);

}  // namespace divvy::nn
