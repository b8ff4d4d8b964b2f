#pragma once

#include "autograd/variable.h"
#include "kernels/segments.h"

namespace divvy::nn {

/// The rows that a module computes with: a batch, how its rows are divided among stacked experts, and the index through
/// which each is read.
///
/// A dispatch refers to samples of the batch instead of copying them to each of their experts. An operation that reads
/// through an index takes source() and segments(); any other takes values(), which gathers the rows. In either result
/// row i corresponds to row i. with() makes Rows of it, which no longer refer to the batch, so that rows cannot be
/// gathered twice.
///
///     x.with(grouped_matmul(x.source(), weight, bias, x.segments()))
///     x.with(cumulated(x.values()))
class Rows {
 public:
  /// All rows of a batch, undivided. Throws ValueError for an undefined variable.
  Rows(Variable batch);  // NOLINT(google-explicit-constructor): layers are called with a batch, as they are written
  /// Row i belongs to the expert in whose segment it lies, and is row segments.sample[i] of `batch` [R, ...], or row i
  /// if `sample` is undefined. Throws like kernels::check_segments().
  Rows(Variable batch, Segments segments);

  /// The gathered values of the rows, [N, ...].
  Variable values() const;
  /// Rows with these values, divided among experts as before. Throws ShapeError unless there is one for each row,
  /// except that undivided rows may be replaced by values of any shape.
  Rows with(Variable values) const;
  /// with(f(values())), for a function from Variable to Variable.
  template <class F>
  Rows map(const F& f) const {
    return with(f(values()));
  }

  /// N
  int64_t size() const { return segments_.rows(batch_.size(0)); }
  bool divided() const { return segments_.grouped(); }
  /// Whether values() is source(), so that nothing is left to gather.
  bool in_place() const { return !segments_.sample.defined(); }
  /// The batch to which segments() refers, [R, ...].
  const Variable& source() const { return batch_; }
  const Segments& segments() const { return segments_; }

 private:
  Variable batch_;
  Segments segments_;
};

// The functions of autograd/ops/{unary,softmax,binary}.h, applied to the values; others are applied with map().

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

// Both operands must be divided by the same tensor of offsets, else ValueError is thrown. A parameter shared by all
// rows is not Rows and needs map(): x.map([&](const Variable& v) { return v * scale; }).

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
