#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "autograd/variable.h"

namespace divvy {

struct GradcheckOptions {
  double eps = 1e-5;   ///< step of the central differences, in units of the input's magnitude
  double atol = 1e-8;  ///< allowed: |numeric - analytic| <= atol + rtol * |numeric|, with derivatives of about 1
  double rtol = 1e-6;
  /// Every entry of a Jacobian (elements of the input times elements of the output) of at most this many entries is
  /// compared; a larger one is compared along `directions` random directions, each with a random cotangent.
  int64_t max_jacobian_entries = 20000;
  int directions = 4;
  uint64_t seed = 1;  ///< seeds the random cotangents and directions
};

struct GradcheckReport {
  bool ok = true;
  int64_t compared = 0;  ///< number of derivatives compared
  std::string text;      ///< what was compared and, on failure, which entries differ and by how much

  explicit operator bool() const { return ok; }
};

/// Compares the gradient that backward() gives with central differences of `f`.
///
/// `leaves` are the f64 variables that f reads and that require gradients; f is called many times with perturbed
/// values, so it must be deterministic (a dropout must draw from a generator made inside f) and smooth within eps of
/// the values, relative to the largest of a leaf where that is below 0.01 or above 100. There, smaller steps and those
/// of single elements are tried as well, since f may have a magnitude of its own; the step is what the moved values
/// really differ by, and atol is a share of the largest derivative and of f / x. The cotangent is random, never all
/// ones: the rows of a softmax sum to one, so the gradient of their plain sum is zero and would not reveal a missing
/// rule. Afterwards the leaves have their original values and no gradients; other variables that f reads may have
/// accumulated gradients.
///
/// A report that is not ok states for each input whether its gradient is missing, has the wrong sign or is off by a
/// constant factor, names a non-finite gradient and an f that is not deterministic, and lists the first derivatives
/// that differ.
///
///     auto report = gradcheck([&] { return layer.forward(x); }, {x, layer.weight});
///     if (!report) std::puts(report.text.c_str());
///
/// Throws DTypeError for leaves or an output that are not f64, ValueError for leaves that require no gradient or were
/// computed by an operation, and whatever f and backward() throw.
GradcheckReport gradcheck(const std::function<Variable()>& f, const std::vector<Variable>& leaves,
                          const GradcheckOptions& options = {});

}  // namespace divvy
