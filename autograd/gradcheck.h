#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace divvy {

struct GradcheckOptions {
  double eps = 1e-5;   ///< step of the central differences
  double atol = 1e-8;  ///< allowed: |numeric - analytic| <= atol + rtol * |numeric|
  double rtol = 1e-6;
  /// Up to this many entries of the Jacobian of an input (its elements times those of the output), every entry is
  /// compared; a larger one is compared along `directions` random directions, with a random cotangent each.
  int64_t max_jacobian_entries = 20000;
  int directions = 4;
  uint64_t seed = 1;  ///< of the random cotangents and directions
};

struct GradcheckReport {
  bool ok = true;
  int64_t compared = 0;  ///< derivatives compared
  std::string text;      ///< what was compared and, on failure, where and by how much the worst entries are off

  explicit operator bool() const { return ok; }
};

/// Compares the gradient that backward() gives with central differences of `f`.
///
/// `leaves` are the f64 variables that f reads and that require gradients; f is called many times while their values
/// are changed one element at a time, so it must be deterministic (a dropout draws from a generator made inside f) and
/// smooth within eps of the values. The cotangent is random, never all ones: the rows of a softmax sum to one, so a
/// gradient of the plain sum would be zero whatever the layer does. Afterwards the leaves have their values back and no
/// gradients; variables that f reads but that are not among them may have gathered some.
///
/// A report that is not ok says for each input whether its gradient is missing, has the wrong sign or is off by one
/// factor, names a non-finite gradient and an f that is not deterministic, and shows the first derivatives that differ.
///
///     auto report = gradcheck([&] { return layer.forward(x); }, {x, layer.weight});
///     if (!report) std::puts(report.text.c_str());
///
/// Throws DTypeError for leaves or an output that are not f64, ValueError for leaves that require no gradient or were
/// made by an operation, and what f and backward() throw.
GradcheckReport gradcheck(const std::function<Variable()>& f, const std::vector<Variable>& leaves,
                          const GradcheckOptions& options = {});

}  // namespace divvy
