#pragma once

#include <functional>
#include <string>
#include <typeinfo>
#include <vector>

#include "autograd/variable.h"
#include "tests/support/catch.h"
#include "tests/support/compare.h"

/// The table of operation cases: a test states once the inputs, the expected results and the errors of an operation,
/// which is then checked in every way on every available device.
namespace divvy::test {

/// One use of an operation. `call` and `reference` take the inputs in the same order. `call` must copy the tensors that
/// it captures (indices, offsets on the CPU) to inputs[0].device().
struct Sample {
  std::string label;
  std::vector<Tensor> inputs;  ///< f64, on the CPU, away from kinks; gradients of all are checked
  std::function<Variable(const std::vector<Variable>&)> call;
  std::function<Tensor(const std::vector<Tensor>&)> reference;  ///< naive loops in f64; not the library's kernels
};

/// A call that must throw the given type, with `mentions` in the message.
struct ErrorSample {
  std::string label;
  std::function<void()> call;
  const std::type_info* type = nullptr;
  std::string mentions;
};

template <class E>
ErrorSample refuses(std::string label, std::function<void()> call, std::string mentions) {
  return {std::move(label), std::move(call), &typeid(E), std::move(mentions)};
}

struct OpCase {
  std::vector<Sample> samples;  ///< at least 16, including empty ones, sizes of 1 and, if supported, broadcasts
  std::vector<ErrorSample> errors;
  /// Tolerances of the f32 result compared with the f64 reference; sums over many elements may need larger ones.
  double f32_rtol = 1.3e-6;
  double f32_atol = 1e-5;
};

/// For each sample and device, compares the f64 and the f32 value with the reference, the f64 gradient with central
/// differences (eps 1e-5, atol 1e-8, rtol 1e-6, random cotangent), the f32 gradient with the f64 one, and the bits from
/// 1, 2, 3 and 8 threads. Then checks the error samples.
void check(const OpCase& op_case);

}  // namespace divvy::test
